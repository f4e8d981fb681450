// The least that a site of Docusaurus needs, and the widget's plugin.

module.exports = {
  title: "Handbook",
  url: "http://localhost:3000",
  baseUrl: "/",
  themes: ["@docusaurus/theme-classic"],
  plugins: [
    ["@docusaurus/plugin-content-docs", { routeBasePath: "/" }],
    ["./lectern-plugin.js", { service: process.env.LECTERN_URL ?? "http://localhost:8000", key: process.env.LECTERN_KEY ?? "pk_your_key" }],
  ],
};
