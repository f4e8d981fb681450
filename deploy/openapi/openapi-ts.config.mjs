/** The client of one document; both places come from sdk.py. */
export default {
  input: process.env.DOCUMENT,
  output: { path: process.env.CLIENT, module: { extension: ".js" } },
  plugins: ["@hey-api/client-fetch", "@hey-api/sdk", "@hey-api/typescript"],
};
