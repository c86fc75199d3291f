// The site without a network: its pages are kept at the first visit, pictures and networks as they are fetched.
const HERE = new URL('.', self.location).pathname; // another site on this host has its own
const SHELL = `ganzoo-shell ${HERE}`;
const FILES = `ganzoo-files ${HERE}`;
const PAGES = [
  './',
  'app.js',
  'page.js',
  'parts.js',
  'picture.js',
  'sketch.js',
  'pad.js',
  'upload.js',
  'links.js',
  'noise.js',
  'engine.js',
  'files.js',
  'words.js',
  'canvas.js',
  'worker.js',
  'style.css',
  'pad.css',
  'upload.css',
];
PAGES.push('zoo.json', 'runtime/ort.wasm.bundle.min.mjs');

self.addEventListener('install', (event) => {
  const request = (path) => new Request(path, { cache: 'reload' });
  event.waitUntil(
    caches
      .open(SHELL)
      .then((cache) => cache.addAll(PAGES.map(request)))
      .then(() => self.skipWaiting()),
  );
});

// What the site no longer has goes.
self.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      await self.clients.claim();
      const zoo = await (await caches.match('zoo.json'))?.text();
      const cache = await caches.open(FILES);
      for (const { url } of await cache.keys()) if (zoo && !zoo.includes(url.split('/').pop())) await cache.delete(url);
    })(),
  );
});

// Files whose names say what is in them come from the cache; the rest from the network, as long as there is one.
async function answer(request) {
  const path = new URL(request.url).pathname;
  const isNamedByContent = /-[0-9a-f]{12}\.\w+$/.test(path);
  if (isNamedByContent) {
    const kept = await caches.match(request);
    if (kept) return kept;
  }
  try {
    const response = await fetch(request);
    if (response.ok) {
      const cache = await caches.open(isNamedByContent ? FILES : SHELL);
      if (!/\.(onnx|packed|safetensors)$/.test(path))
        await cache.put(request.mode === 'navigate' ? './' : request, response.clone());
    }
    return response;
  } catch (error) {
    const kept = await caches.match(request.mode === 'navigate' ? './' : request, { ignoreSearch: true });
    if (kept) return kept;
    throw error;
  }
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method === 'GET' && request.url.startsWith(self.registration.scope)) event.respondWith(answer(request));
});
