// A Docusaurus plugin: the widget in the corner of every page, without swizzling a component.
// In docusaurus.config.js:
//   plugins: [["./lectern-plugin.js", { service: "https://api.example.com", key: "pk_…" }]]

module.exports = function lectern(context, { service, key, label = "Ask the docs" }) {
  return {
    name: "lectern",
    injectHtmlTags() {
      return {
        headTags: [{ tagName: "script", attributes: { type: "module", src: `${service}/widget.js` } }],
        postBodyTags: [
          {
            tagName: "lectern-chat",
            customElement: true,
            // Where a source came from this site’s docs, it is opened there.
            attributes: { key, label, mode: "floating", "base-url": context.baseUrl },
          },
        ],
      };
    },
  };
};
