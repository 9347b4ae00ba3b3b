"use strict";

// The page asks for the assets every second; the service answers 304 while nothing has changed. What is
// shown is changed in place, so that a player goes on playing and an open entry stays open.

const POLL_MS = 1000;
const BUSY = new Set(["CREATING", "WAITING_TRANSCODE", "TRANSCODING"]);
const GOOD = new Set(["CREATED", "PUBLISHED", "TRANSCODE_SUCCEED"]);

const list = document.getElementById("assets");
const search = document.getElementById("search");
const state = document.getElementById("state");
const more = document.getElementById("more");
const empty = document.getElementById("empty");
const uploads = document.getElementById("uploads");
const drop = document.getElementById("drop");
const template = document.getElementById("asset");
const fail = document.getElementById("fail");
// A browser guesses the length of raw AAC, and is often wrong. Up to this size the page fetches it in a container.
const PLAYABLE_BYTES = 256 * 1024 * 1024;

const entries = new Map(); // id -> {element, shown}
let version = "";
let size = 50;
let timer = 0;

function duration(ms) {
  const seconds = Math.round(ms / 1000);
  const parts = [Math.floor(seconds / 60) % 60, seconds % 60].map((part) => String(part).padStart(2, "0"));
  const hours = Math.floor(seconds / 3600);
  return hours ? `${hours}:${parts.join(":")}` : parts.join(":").replace(/^0(?=\d:)/, "");
}

function bytes(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let power = 0;
  while (count >= 1000 && power < units.length - 1) {
    count /= 1000;
    power += 1;
  }
  return `${count >= 100 || power === 0 ? Math.round(count) : count.toFixed(1)} ${units[power]}`;
}

function factsOf(asset) {
  const facts = [["Created", new Date(asset.created * 1000).toLocaleString()]];
  if (asset.source) {
    facts.push(["Extracted from", asset.source]);
  }
  const known = asset.facts;
  if (known) {
    facts.push(["Duration", `${duration(known.duration_ms)} (${(known.duration_ms / 1000).toFixed(3)} s)`]);
    facts.push(["Size", `${bytes(known.size)} (${known.size} bytes)`], ["Bit rate", `${known.bit_rate} kbit/s`]);
    if (known.video_codec) {
      facts.push(["Video", `${known.video_codec}, ${known.width} × ${known.height}, ${known.frame_rate} fps`]);
    }
    if (known.audio_codec) {
      facts.push(["Audio", `${known.audio_codec}, ${known.audio_channels} ch, ${known.sample_rate} Hz`]);
    } else {
      facts.push(["Audio", "none"]);
    }
  }
  if (asset.description) facts.push(["Description", asset.description]);
  if (asset.tags) facts.push(["Tags", asset.tags]);
  if (asset.media) facts.push(["Address", new URL(asset.media, location.href).href, "copy"]);
  return facts;
}

function sourceLink(source) {
  if (source.title === null) {
    return document.createTextNode(`a deleted video (${source.id})`);
  }
  const link = document.createElement("a");
  link.href = `#${source.id}`;
  link.textContent = source.title;
  link.addEventListener("click", (event) => {
    event.preventDefault();
    reveal(source.id);
  });
  return link;
}

async function reveal(id) {
  if (!entries.has(id)) {
    search.value = "";
    size = 1000;
    version = "";
    await refresh();
  }
  const entry = entries.get(id);
  if (entry) {
    const details = entry.element.querySelector("details");
    details.open = true;
    details.querySelector("summary").focus();
    details.scrollIntoView({ block: "nearest" });
  }
}

function show(element, asset) {
  element.id = asset.id;
  const kind = element.querySelector(".kind");
  kind.textContent = asset.kind === "audio" ? "♪ Audio" : "▶ Video";
  kind.className = `kind ${asset.kind}`;
  element.querySelector(".id").textContent = asset.id;
  const copy = element.querySelector(".copy");
  copy.onclick = (event) => copyText(event, asset.id);
  copy.setAttribute("aria-label", `Copy the id of ${asset.kind} ${asset.title}`);
  element.querySelector(".title").textContent = asset.title;
  element.querySelector(".brief").textContent = asset.facts
    ? `${asset.format} · ${duration(asset.facts.duration_ms)} · ${bytes(asset.facts.size)}`
    : asset.format;
  const status = element.querySelector(".status");
  status.textContent = asset.status;
  status.className = `status ${BUSY.has(asset.status) ? "busy" : GOOD.has(asset.status) ? "good" : "bad"}`;
  element.querySelector(".reason").textContent = asset.reason;
  element.querySelector(".facts").replaceChildren(
    ...factsOf(asset).flatMap(([name, value, copied]) => {
      const term = document.createElement("dt");
      const text = document.createElement("dd");
      term.textContent = name;
      text.append(typeof value === "string" ? value : sourceLink(value));
      if (copied) {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "copy";
        button.textContent = "Copy";
        button.setAttribute("aria-label", `Copy: ${name}`);
        button.onclick = (event) => copyText(event, value);
        text.append(" ", button);
      }
      return [term, text];
    }),
  );
  const details = element.querySelector("details");
  details.ontoggle = () => details.open && showMedia(element, asset);
  if (details.open) {
    showMedia(element, asset);
  }
}

async function copyText(event, text) {
  event.preventDefault(); // in a summary, a click would open the entry as well
  const button = event.currentTarget;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Browsers have no clipboard for pages that came over plain HTTP from another machine.
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    button.focus();
  }
  button.textContent = "Copied";
  setTimeout(() => {
    button.textContent = "Copy";
  }, 1500);
}

async function sourceOf(asset) {
  if (asset.format === "AAC" && asset.facts.size <= PLAYABLE_BYTES) {
    const answer = await fetch(`/_local/assets/${asset.id}/playable`);
    if (answer.ok) {
      return URL.createObjectURL(await answer.blob());
    }
  }
  return asset.media;
}

function showMedia(element, asset) {
  const place = element.querySelector(".player");
  if (!asset.media || place.dataset.media === asset.media) {
    return;
  }
  place.dataset.media = asset.media;
  const player = document.createElement(asset.kind === "audio" ? "audio" : "video");
  player.controls = true;
  player.preload = "metadata";
  sourceOf(asset)
    .catch(() => asset.media)
    .then((source) => {
      player.src = source;
    });
  player.setAttribute("aria-label", asset.title);
  place.replaceChildren(player);
  if (asset.kind === "audio") {
    showWaveform(element.querySelector(".waveform"), player, asset);
  }
}

async function showWaveform(canvas, player, asset) {
  const answer = await fetch(`/_local/assets/${asset.id}/waveform`);
  if (!answer.ok) {
    return;
  }
  const { peaks } = await answer.json();
  const length = asset.facts.duration_ms / 1000;
  canvas.hidden = false;
  const draw = () => drawWaveform(canvas, peaks, player.currentTime / length);
  for (const name of ["timeupdate", "seeked", "play"]) {
    player.addEventListener(name, draw);
  }
  canvas.onclick = (event) => {
    player.currentTime = (event.offsetX / canvas.clientWidth) * length;
  };
  new ResizeObserver(draw).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

function drawWaveform(canvas, peaks, played) {
  const scale = devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const context = canvas.getContext("2d");
  const colours = getComputedStyle(document.documentElement);
  const loudest = Math.max(1, ...peaks);
  const count = Math.max(1, Math.min(peaks.length, Math.floor(width / 3)));
  context.scale(scale, scale);
  for (let bar = 0; bar < count; bar += 1) {
    const from = Math.floor((bar * peaks.length) / count);
    const to = Math.max(from + 1, Math.floor(((bar + 1) * peaks.length) / count));
    const peak = Math.max(...peaks.slice(from, to)) / loudest;
    const tall = Math.max(2, peak * (height - 4));
    context.fillStyle = colours.getPropertyValue((bar + 0.5) / count <= played ? "--accent" : "--soft");
    context.fillRect((bar * width) / count, (height - tall) / 2, Math.max(1, width / count - 1), tall);
  }
}

function renderFail(wanted) {
  const value = String(wanted);
  let option = [...fail.options].find((one) => one.value === value);
  fail.querySelector(".more")?.remove();
  if (!option || option.className === "more") {
    option = new Option(`fail: the next ${value}`, value);
    option.className = "more";
    fail.append(option);
  }
  fail.value = value;
  fail.classList.toggle("on", value !== "0");
}

function render({ assets, total, fail: failures }) {
  renderFail(failures);
  const seen = new Set();
  let before = list.firstElementChild;
  for (const asset of assets) {
    seen.add(asset.id);
    const shown = JSON.stringify(asset);
    let entry = entries.get(asset.id);
    if (!entry) {
      entry = { element: template.content.firstElementChild.cloneNode(true), shown: "" };
      entries.set(asset.id, entry);
    }
    if (entry.shown !== shown) {
      entry.shown = shown;
      show(entry.element, asset);
    }
    if (entry.element === before) {
      before = before.nextElementSibling;
    } else {
      list.insertBefore(entry.element, before);
    }
  }
  for (const [id, entry] of entries) {
    if (!seen.has(id)) {
      URL.revokeObjectURL(entry.element.querySelector("audio")?.src ?? "");
      entry.element.remove();
      entries.delete(id);
    }
  }
  const busy = assets.filter((asset) => BUSY.has(asset.status)).length;
  state.textContent = total ? `${total} ${total === 1 ? "asset" : "assets"}${busy ? `, ${busy} in work` : ""}` : "";
  if (!total && search.value) {
    state.textContent = "Nothing found.";
  }
  more.hidden = assets.length >= total;
  empty.hidden = Boolean(total || search.value);
}

async function refresh() {
  const query = new URLSearchParams({ text: search.value, size, version });
  try {
    const answer = await fetch(`/_local/assets?${query}`, { cache: "no-store" });
    if (answer.status === 200) {
      const told = await answer.json();
      version = told.version;
      render(told);
    }
  } catch {
    version = "";
    state.textContent = "The service does not answer. This page tries again every second.";
  }
}

async function poll() {
  clearTimeout(timer);
  if (document.visibilityState === "visible") {
    await refresh();
  }
  timer = setTimeout(poll, POLL_MS);
}

function put(path, file, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", path);
    request.upload.onprogress = (event) => {
      progress.value = event.loaded / event.total;
    };
    request.onload = () => (request.status === 200 ? resolve() : reject(new Error(`refused with ${request.status}`)));
    request.onerror = () => reject(new Error("the connection broke"));
    request.send(file);
  });
}

async function post(path, body) {
  const answer = await fetch(path, { method: "POST", body: JSON.stringify(body) });
  if (!answer.ok) {
    throw new Error((await answer.json()).error);
  }
  return answer.status === 204 ? null : answer.json();
}

async function upload(file) {
  const row = document.createElement("li");
  const name = document.createElement("span");
  const progress = document.createElement("progress");
  name.textContent = file.name;
  progress.value = 0;
  progress.setAttribute("aria-label", `Upload of ${file.name}`);
  row.append(name, progress);
  uploads.append(row);
  try {
    const made = await post("/_local/assets", { name: file.name });
    await put(made.upload, file, progress);
    await post(`/_local/assets/${made.asset_id}/uploaded`, {});
    row.remove();
    await refresh();
  } catch (error) {
    progress.remove();
    row.className = "failed";
    name.textContent = `${file.name}: ${error.message}`;
  }
}

fail.addEventListener("change", async () => {
  const value = fail.value === "all" ? "all" : Number(fail.value);
  await fetch("/_local/settings", { method: "PUT", body: JSON.stringify({ extraction: { fail: value } }) });
  await refresh();
});

document.getElementById("file").addEventListener("change", (event) => {
  [...event.target.files].forEach(upload);
  event.target.value = "";
});

let dragged = 0;
addEventListener("dragenter", () => {
  dragged += 1;
  drop.hidden = false;
});
addEventListener("dragleave", () => {
  dragged -= 1;
  drop.hidden = dragged <= 0;
});
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  dragged = 0;
  drop.hidden = true;
  [...event.dataTransfer.files].forEach(upload);
});

search.addEventListener("input", () => {
  version = "";
  poll();
});
more.addEventListener("click", () => {
  size = Math.min(1000, size * 4);
  version = "";
  poll();
});
addEventListener("keydown", (event) => {
  const target = event.target;
  if (event.key === "/" && target !== search && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    search.focus();
  } else if (event.key === "Escape" && target === search) {
    search.value = "";
    version = "";
    poll();
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !target.closest("audio, video, .player")) {
    const summaries = [...list.querySelectorAll("summary")];
    const step = event.key === "ArrowDown" ? 1 : -1;
    const next = summaries[Math.max(0, summaries.indexOf(document.activeElement) + step)];
    if (next && (target === search || target === document.body || target.matches("summary"))) {
      event.preventDefault();
      next.focus();
    }
  }
});
document.addEventListener("visibilitychange", poll);
poll();
