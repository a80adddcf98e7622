// Copyright: (c) 2026, fastgpt.ops contributors
// SPDX-License-Identifier: GPL-3.0-or-later
"use strict";
(() => {
  const STEP = 100; // lines that are added when the end of the list comes into sight
  const PACK = 25; // hosts whose details share a pack, as page.py makes them

  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const page = document.documentElement;
  const query = document.getElementById("query");
  const list = document.querySelector(".list");
  const only = document.querySelector(".only");
  const chips = all(".chip[data-state]");
  const packs = all(".pack").map((script) => script.textContent);

  // Every host: those in the page have their element, those in a pack get it when they are shown.
  const hosts = all(".host").map((element) => ({
    element,
    state: element.dataset.state,
    finds: element.dataset.finds.split(" "),
    words: null,
  }));
  const inPage = hosts.length;
  let shown = [];
  let limit = STEP;
  let pinned = null; // a finding or a value whose hosts alone are shown

  async function unpack(number) {
    const bytes = Uint8Array.from(atob(packs[number]), (char) => char.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  }

  function elementOf(host, number) {
    if (!host.element) {
      host.element = document.createElement("details");
      host.element.className = `host ${host.state}`;
      host.element.id = `host-${number + 1}`;
      host.element.innerHTML = `<summary>${host.line}</summary><div class="body"></div>`;
      host.element.addEventListener("toggle", () => fill(host, number), { once: true });
    }
    return host.element;
  }

  async function fill(host, number) {
    const place = number - inPage;
    const body = host.element.querySelector(".body");
    body.innerHTML = (await unpack(1 + Math.floor(place / PACK)))[place % PACK];
    for (const button of all(".copy", body)) button.hidden = false;
  }

  const wordsOf = (host) => host.words ??= host.element.textContent.toLowerCase();

  function matches(host, number, words, states) {
    return states.has(host.state)
      && (pinned === null || (pinned.find ? host.finds.includes(pinned.find) : pinned.hosts.has(number)))
      && (words === "" || wordsOf(host).includes(words));
  }

  function filter() {
    const words = query.value.trim().toLowerCase();
    const states = new Set(chips.filter((chip) => chip.getAttribute("aria-pressed") === "true").map((chip) => chip.dataset.state));
    shown = [...hosts.keys()].filter((number) => matches(hosts[number], number, words, states));
    limit = STEP;
    draw();
    document.querySelector(".empty").hidden = shown.length > 0;
    document.querySelector(".shown").textContent = shown.length < hosts.length ? `${shown.length} / ${hosts.length}` : "";
  }

  function draw() {
    list.replaceChildren(...shown.slice(0, limit).map((number) => elementOf(hosts[number], number)));
  }

  function more() {
    if (limit >= shown.length) return;
    list.append(...shown.slice(limit, limit + STEP).map((number) => elementOf(hosts[number], number)));
    limit += STEP;
  }

  function pin(button) {
    const again = button.getAttribute("aria-pressed") === "true";
    for (const other of all("[data-find], [data-hosts]")) other.setAttribute("aria-pressed", "false");
    pinned = null;
    if (!again && button !== only) {
      const { find, hosts: numbers, trait } = button.dataset;
      pinned = find ? { find } : { hosts: new Set(numbers.trim().split(" ").map(Number)) };
      const same = find ? all(`[data-find="${find}"]`) : [button];
      for (const other of same) other.setAttribute("aria-pressed", "true");
      only.textContent = `✕ ${find ?? `${trait}: ${button.querySelector(".label").textContent}`}`;
    }
    only.hidden = pinned === null;
    filter();
  }

  function setLanguage(lang) {
    page.dataset.lang = lang;
    page.lang = lang === "zh" ? "zh-CN" : "en";
    query.placeholder = query.dataset[lang];
    query.setAttribute("aria-label", query.dataset[lang]);
    for (const button of all("[data-set-lang]")) button.setAttribute("aria-pressed", String(button.dataset.setLang === lang));
  }

  function changeTheme() {
    const dark = document.getElementById("dark");
    dark.media = matchMedia(dark.media).matches ? "not all" : "all";
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

  function step(by) {
    const lines = all(".host > summary", list);
    const at = lines.findIndex((line) => line.parentElement.contains(document.activeElement));
    const next = lines[Math.max(0, Math.min(lines.length - 1, at + by))];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  }

  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.activeElement === query) {
      if (event.key === "Escape") query.blur();
      return;
    }
    if (event.key === "/") {
      event.preventDefault();
      query.focus();
    } else if (event.key === "j" || event.key === "k") {
      step(event.key === "j" ? 1 : -1);
    }
  }

  for (const element of all(".switches, .filters, .copy")) element.hidden = false;
  for (const button of all("[data-set-lang]")) button.addEventListener("click", () => setLanguage(button.dataset.setLang));
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
      filter();
    });
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.matches(".copy")) copy(button);
    else if (button.matches(".theme")) changeTheme();
    else if (button.matches("[data-find], [data-hosts], .only")) pin(button);
  });
  query.addEventListener("input", filter);
  document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", key);
  let closed = [];
  addEventListener("beforeprint", () => {
    // a fleet's hosts are printed as they stand: the lines, and the details of those that are open
    const folded = hosts.length > 1 ? ".card:not([open]), .host[open] details:not([open], .checks)" : "details:not([open], .checks)";
    closed = all(folded);
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of closed) details.open = false;
  });
  if (matchMedia("(max-width: 40rem)").matches) for (const card of all(".card")) card.open = false;
  setLanguage(page.dataset.lang);
  shown = [...hosts.keys()];
  if (packs.length) {
    unpack(0).then((packed) => {
      hosts.push(...packed.map((host) => ({ element: null, ...host })));
      filter();
      new IntersectionObserver((seen) => { if (seen.some((entry) => entry.isIntersecting)) more(); }, { rootMargin: "800px" })
        .observe(document.querySelector("footer"));
    });
  }
})();
