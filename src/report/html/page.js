
"use strict";
(() => {
  const get = (id) => document.getElementById(id);
  const controls = get("controls");
  if (!controls) return;
  const fields = { q: get("search"), env: get("environment"), at: get("standing"), order: get("order") };
  const rows = [...document.querySelectorAll("tr[data-section]")];
  const groups = [...document.querySelectorAll("tbody")];
  const words = new Map(rows.map((row) => {
    const section = row.dataset.section.startsWith("key-") ? get(row.dataset.section) : null;
    return [row, (row.textContent + (section ? section.textContent : "")).toLowerCase()];
  }));
  const since = (row) => (row.dataset.since === "" ? Infinity : Number(row.dataset.since));
  const name = (row) => row.querySelector("code").textContent;
  const orders = {
    "urgency": (a, b) => a.dataset.urgency - b.dataset.urgency,
    "since": (a, b) => since(a) - since(b) || a.dataset.urgency - b.dataset.urgency,
    "-since": (a, b) => since(b) - since(a) || a.dataset.urgency - b.dataset.urgency,
    "hint": (a, b) => (name(a) < name(b) ? -1 : 1),
  };
  const matches = (row) => {
    const at = fields.at.value;
    return (!fields.env.value || row.dataset.environment === fields.env.value)
      && (!at || (at === "open" ? row.dataset.open === "true" : row.dataset.standing === at))
      && fields.q.value.toLowerCase().split(/\s+/).every((word) => words.get(row).includes(word));
  };
  const apply = () => {
    let shown = 0;
    for (const row of rows) {
      const fits = matches(row);
      row.hidden = !fits;
      if (fits) shown += 1;
      if (row.dataset.section.startsWith("key-")) get(row.dataset.section).hidden = !fits;
    }
    for (const group of groups) {
      const own = rows.filter((row) => row.parentNode === group).sort(orders[fields.order.value] || orders.urgency);
      group.append(...own);
      group.hidden = own.every((row) => row.hidden);
    }
    get("shown").textContent = shown === rows.length ? `${shown} shown` : `${shown} of ${rows.length} shown`;
  };
  const restore = () => {
    if (!location.hash.startsWith("#?")) return;
    const wanted = new URLSearchParams(location.hash.slice(2));
    for (const [key, field] of Object.entries(fields)) {
      if (wanted.has(key)) field.value = wanted.get(key);
      if (field.selectedIndex === -1) field.selectedIndex = 0;
    }
  };
  const keep = () => {
    const wanted = new URLSearchParams();
    for (const [key, field] of Object.entries(fields)) {
      if (field.value && field.value !== "urgency") wanted.set(key, field.value);
    }
    const text = wanted.toString();
    history.replaceState(null, "", text ? `#?${text}` : "#");
  };
  controls.addEventListener("input", () => { apply(); keep(); });
  controls.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", () => { restore(); apply(); });
  controls.hidden = false;
  restore();
  apply();
})();
