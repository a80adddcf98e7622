// Copyright: (c) 2026, fastgpt.ops contributors
// SPDX-License-Identifier: GPL-3.0-or-later
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const page = document.documentElement;
  const query = document.getElementById("query");
  const hosts = all(".host");
  const chips = all(".chip");

  function setLanguage(lang) {
    page.dataset.lang = lang;
    page.lang = lang === "zh" ? "zh-CN" : "en";
    query.placeholder = query.dataset[lang];
    query.setAttribute("aria-label", query.dataset[lang]);
    for (const button of all("[data-set-lang]")) button.setAttribute("aria-pressed", String(button.dataset.setLang === lang));
  }

  function filter() {
    const words = query.value.trim().toLowerCase();
    const states = new Set(chips.filter((chip) => chip.getAttribute("aria-pressed") === "true").map((chip) => chip.dataset.state));
    let shown = 0;
    for (const host of hosts) {
      host.hidden = !states.has(host.dataset.state) || (words !== "" && !host.textContent.toLowerCase().includes(words));
      shown += host.hidden ? 0 : 1;
    }
    document.querySelector(".empty").hidden = shown > 0;
  }

  async function copy(button) {
    const text = button.previousElementSibling.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // no clipboard right (an http page, an old browser): select it, so that one key press copies
      const range = document.createRange();
      range.selectNodeContents(button.previousElementSibling);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      if (!document.execCommand("copy")) return;
    }
    const label = button.innerHTML;
    button.textContent = page.dataset.lang === "zh" ? "已复制" : "Copied";
    setTimeout(() => { button.innerHTML = label; }, 1500);
  }

  for (const element of all(".languages, .filters, .copy")) element.hidden = false;
  for (const button of all("[data-set-lang]")) button.addEventListener("click", () => setLanguage(button.dataset.setLang));
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
      filter();
    });
  }
  for (const button of all(".copy")) button.addEventListener("click", () => copy(button));
  query.addEventListener("input", filter);
  document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== query) {
      event.preventDefault();
      query.focus();
    }
  });
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open]):not(.checks)");
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of closed) details.open = false;
  });
  setLanguage(page.dataset.lang);
})();
