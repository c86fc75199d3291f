// Files of the site, whole or not at all, kept for the next visit.
const FILES = `ganzoo-files ${new URL('.', import.meta.url).pathname}`; // what was fetched, for a visit without a network

// A file, whole and as zoo.json says, or an error that says what is wrong with it.
export async function fetchFile({ file, bytes, sha256 }, onProgress) {
  const store = self.caches && (await caches.open(FILES).catch(() => null));
  const kept = await store?.match(file);
  const response = kept ?? (await fetch(file));
  if (!response.ok) throw new Error(`${file}: the server says ${response.status}`);
  const raw = new Uint8Array(bytes);
  let at = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (at + value.length > bytes) throw new Error(`${file}: longer than it should be; load the page again`);
    raw.set(value, at);
    at += value.length;
    onProgress(value.length);
  }
  const whole = at === bytes && (!crypto.subtle || hex(await crypto.subtle.digest('SHA-256', raw)) === sha256);
  if (!whole) {
    await store?.delete(file);
    throw new Error(`${file}: it came altered or cut short; load the page again`);
  }
  if (!kept) await store?.put(file, new Response(raw)).catch(() => null);
  return raw;
}

// What a first visit fetched before its service worker was there, kept as that keeps what comes after.
export async function keepFetched() {
  const names = performance.getEntriesByType('resource').map((entry) => entry.name);
  const wanted = names.filter((name) => /-[0-9a-f]{12}\.(png|webp)$/.test(name));
  const store = await caches.open(FILES);
  await Promise.all(wanted.map(async (name) => (await store.match(name)) ?? store.add(name)));
}

const hex = (buffer) => [...new Uint8Array(buffer)].map((b) => b.toString(16).padStart(2, '0')).join('');

// What a file that is packed by gzip holds; a response, which has its bytes, text or JSON.
export const unpacked = (packed) => new Response(new Response(packed).body.pipeThrough(new DecompressionStream('gzip')));
