// The inputs of picture i of a seed, the same numbers as `inputs.draw` in Python has them: torch's CPU generator is a Mersenne
// Twister (MT19937), and what it makes of its numbers is in ATen/core/DistributionsHelper.h and native/cpu/DistributionTemplates.h.

export const SEEDS = 2 ** 32;
const TAU = 2 * Math.PI;

export class Generator {
  constructor(seed) {
    const state = new Uint32Array(624);
    state[0] = seed;
    for (let i = 1; i < 624; i++) state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
    this.state = state;
    this.at = 624;
    this.cached = null; // the other of two normal numbers
  }

  // 32 random bits.
  bits() {
    const s = this.state;
    if (this.at === 624) {
      for (let k = 0; k < 624; k++) {
        const y = (s[k] & 0x80000000) | (s[(k + 1) % 624] & 0x7fffffff);
        s[k] = s[(k + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
      }
      this.at = 0;
    }
    let y = s[this.at++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  // torch.randint: a whole number below n.
  below(n) {
    return this.bits() % n;
  }

  // torch.rand in single precision: 24 bits.
  uniform() {
    return (this.bits() & 0xffffff) / 2 ** 24;
  }

  // In double precision: 53 of 64 bits, the first 32 of which are the high ones.
  uniform53() {
    const high = this.bits() & 0x1fffff;
    return (high * 2 ** 32 + this.bits()) / 2 ** 53;
  }

  // torch.randn(n): fewer than 16 one by one, in double precision; else in blocks of 16 uniform numbers, the first eight of
  // which are paired with the last eight, and where n is no multiple of 16 the last 16 are drawn anew.
  normals(n) {
    const out = new Float32Array(n);
    if (n < 16) {
      for (let i = 0; i < n; i++) out[i] = this.normal();
      return out;
    }
    for (let i = 0; i < n; i++) out[i] = this.uniform();
    for (let i = 0; i + 16 <= n; i += 16) boxMuller(out, i);
    if (n % 16) {
      for (let i = n - 16; i < n; i++) out[i] = this.uniform();
      boxMuller(out, n - 16);
    }
    return out;
  }

  normal() {
    if (this.cached !== null) {
      const kept = this.cached;
      this.cached = null;
      return kept;
    }
    const angle = TAU * this.uniform53();
    const radius = Math.sqrt(-2 * Math.log1p(-this.uniform53()));
    this.cached = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}

function boxMuller(out, start) {
  for (let i = start; i < start + 8; i++) {
    const radius = Math.fround(Math.sqrt(-2 * Math.log(1 - out[i])));
    const angle = Math.fround(Math.fround(TAU) * out[i + 8]);
    out[i] = radius * Math.cos(angle);
    out[i + 8] = radius * Math.sin(angle);
  }
}

const PRIORS = {
  Noise: (x, generator) => {
    if (x.distribution === 'normal') return generator.normals(x.dim);
    return Float32Array.from({ length: x.dim }, () => generator.uniform() * 2 - 1);
  },
  Choice: (x, generator) => generator.below(x.options.length),
  Code: (x, generator) => Math.fround(Math.fround(generator.uniform() * Math.fround(x.high - x.low)) + x.low),
  Text: (x, generator) => generator.below(x.examples.length), // which caption
  Picture: (x, generator) => generator.below(x.examples), // which example
};

// The inputs of one picture by name, drawn from their priors in order: z as numbers, of a choice, a text and a picture which.
export function draw(inputs, seed) {
  const generator = new Generator(seed % SEEDS);
  return Object.fromEntries(inputs.map((x) => [x.name, PRIORS[x.type](x, generator)]));
}

// The way from one noise to another, t from 0 to 1: an arc for normal numbers, a line for uniform ones; see `Noise.between`.
export function between(x, a, b, t) {
  let [u, v] = [1 - t, t];
  if (x.distribution === 'normal') {
    const dot = (p, q) => p.reduce((sum, value, i) => sum + value * q[i], 0);
    const cosine = dot(a, b) / (Math.sqrt(dot(a, a)) * Math.sqrt(dot(b, b)));
    const omega = Math.max(1e-4, Math.acos(Math.min(1, Math.max(-1, cosine))));
    [u, v] = [Math.sin((1 - t) * omega) / Math.sin(omega), Math.sin(t * omega) / Math.sin(omega)];
  }
  return a.map((value, i) => u * value + v * b[i]);
}
