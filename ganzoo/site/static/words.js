// Captions as the networks take them: code points, or the vectors of their words; see text/caption.py and text/words.py.
import { fetchFile, unpacked } from './files.js';

export const MOST_WORDS = 40; // of a caption that are read
const MARK = '##'; // before a piece that continues a word
const MOST_PIECES = 8;
const LONGEST_PIECE = 20;
// What Python takes for white space.
const isSpace = (c) => (/\s/.test(c) && c !== '\ufeff') || '\u001c\u001d\u001e\u001f\u0085'.includes(c);

// A person's text in one line, without what cannot be read.
export function clean(text) {
  const shown = [...text].map((c) => (isSpace(c) ? ' ' : /[\p{Cc}\p{Cs}\p{Co}\p{Cn}]/u.test(c) ? '' : c));
  return shown.join('').normalize('NFC').split(' ').filter(Boolean).join(' ');
}

// A caption as it is read. An error says what is allowed.
export function line(x, text) {
  const cleaned = clean([...text].slice(0, 10 * x.length).join(''));
  const n = [...cleaned].length;
  if (!n || n > x.length) throw new Error(`${n} characters; give 1 to ${x.length}, such as ${x.suggestions[0]}`);
  return cleaned;
}

const styled = (text, style) => `${text}, ${style} style`;

// Of a style: each picture has one that its seed decides, where a caption leaves it open.
export const MIXED = 'mixed';

export function restyled(text, styles, style) {
  let bare = text;
  for (const other of styles) if (bare.endsWith(styled('', other))) bare = bare.slice(0, -styled('', other).length);
  return styled(bare, style);
}

// The code points of a caption, then zeros.
export function codePoints(text, length) {
  const row = new BigInt64Array(length);
  [...text].slice(0, length).forEach((c, i) => {
    row[i] = BigInt(c.codePointAt(0));
  });
  return row;
}

export class Vocabulary {
  // raw: the bytes of words.safetensors; characters: {names: of symbols, combining: marks that are left out}.
  constructor(raw, { names, combining }) {
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    const length = Number(view.getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(raw.subarray(8, 8 + length)));
    const bytes = (key) => raw.slice(...header[key].data_offsets.map((at) => 8 + length + at));
    const words = new TextDecoder().decode(bytes('words')).split('\n');
    this.vectors = new Int8Array(bytes('vectors').buffer);
    this.scale = new Float32Array(bytes('scale').buffer);
    this.size = header.vectors.shape[1];
    this.index = new Map(words.map((word, i) => [word, i]));
    this.names = names;
    this.combining = new Set(combining);
  }

  // The words of a text, in lower case, without accents; symbols become their names.
  tokenize(text) {
    const named = [...text].map((c) => (/\p{So}/u.test(c) ? ` ${this.names[c] ?? ''} ` : c)).join('');
    const folded = named.toLowerCase().replaceAll('ß', 'ss').replaceAll('ς', 'σ').normalize('NFKD');
    const bare = [...folded].filter((c) => !this.combining.has(c)).join('');
    return bare.match(/[\p{L}\p{N}]+/gu) ?? [];
  }

  // The rows of a word: its own, its singular's, or those of its pieces.
  lookup(word) {
    const endings = [
      ['ies', 'y'],
      ['es', ''],
      ['s', ''],
    ];
    const stems = [word, ...endings.filter(([e]) => word.endsWith(e)).map(([e, y]) => word.slice(0, -e.length) + y)];
    const known = stems.find((stem) => this.index.has(stem));
    return known === undefined ? this.pieces([...word]) : [this.index.get(known)];
  }

  pieces(letters) {
    const rows = [];
    let start = 0;
    while (start < letters.length && rows.length < MOST_PIECES) {
      let end = Math.min(letters.length, start + LONGEST_PIECE);
      const piece = () => (start ? MARK : '') + letters.slice(start, end).join('');
      while (end > start && !this.index.has(piece())) end--;
      if (end === start) return [];
      rows.push(this.index.get(piece()));
      start = end;
    }
    return start === letters.length ? rows : [];
  }

  rows(text) {
    return this.tokenize(text).flatMap((word) => this.lookup(word));
  }

  // (MOST_WORDS, size): the vectors of a caption's words, then zeros.
  read(text) {
    const out = new Float32Array(MOST_WORDS * this.size);
    this.rows(text)
      .slice(0, MOST_WORDS)
      .forEach((row, i) => {
        for (let d = 0; d < this.size; d++) out[i * this.size + d] = this.vectors[row * this.size + d] / this.scale[row];
      });
    return out;
  }
}

export async function openVocabulary({ vectors, characters }, onProgress) {
  const [raw, packed] = await Promise.all([fetchFile(vectors, onProgress), fetchFile(characters, onProgress)]);
  return new Vocabulary(raw, await unpacked(packed).json());
}
