// The browser asks this app alone; what is for Lectern goes on to it.

const API = process.env.LECTERN_URL ?? "http://localhost:8000";
const AUTH = process.env.LECTERN_AUTH_URL ?? "http://localhost:3001";

export default {
  async rewrites() {
    return [
      { source: "/lectern/:path*", destination: `${API}/:path*` },
      { source: "/api/auth/:path*", destination: `${AUTH}/api/auth/:path*` },
    ];
  },
};
