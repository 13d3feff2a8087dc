// A result of the search shows the text around the word only where a page may be read: not in a folder that is opened without a server
DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = location.protocol !== "file:";

// What opens a part of the sidebar has a name, for those who cannot see where it stands
document.addEventListener("DOMContentLoaded", () => {
  for (const summary of document.querySelectorAll("nav summary")) summary.ariaLabel = "Pages of " + summary.closest("li").querySelector("a").textContent.trim();
});

// Diagrams are drawn by Mermaid, which is loaded only where there is one; the theme inverts them in the dark
document.addEventListener("DOMContentLoaded", () => {
  if (!document.querySelector("pre.mermaid")) return;
  const script = document.createElement("script");
  script.src = document.documentElement.dataset.content_root + "_static/mermaid.js";
  script.onload = () => {
    mermaid.initialize({ startOnLoad: false, theme: "neutral", flowchart: { rankSpacing: 30, nodeSpacing: 30 } });
    mermaid.run({ querySelector: "pre.mermaid" });
  };
  document.head.append(script);
});
