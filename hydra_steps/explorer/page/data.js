// The page's data: facts as JSON, everything long as base64 that is decoded when it is first looked at.
const facts = JSON.parse(document.getElementById("facts").textContent);
const NONE = 0xffffffff;
const decoded = new Map();

const bytesOf = (name) => {
  const text = atob(document.getElementById(name).textContent);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
};

const readTexts = new Map();
// Texts: a list of names, or sample -> text.
const textsOf = (name) => {
  if (!readTexts.has(name)) readTexts.set(name, JSON.parse(new TextDecoder().decode(bytesOf(name))));
  return readTexts.get(name);
};

const has = (name) => name in facts.shapes;

// A typed array with the property `shape`; half-precision numbers stay as bits, for `half`.
const block = (name) => {
  if (!decoded.has(name)) {
    const [kind, shape] = facts.shapes[name];
    const buffer = bytesOf(name).buffer;
    const array = new { u1: Uint8Array, u4: Uint32Array, f4: Float32Array, f2: Uint16Array }[kind](buffer);
    array.shape = shape;
    decoded.set(name, array);
  }
  return decoded.get(name);
};

const half = (bits) => {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * 2 ** -24 * fraction;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * 2 ** (exponent - 25) * (1024 + fraction);
};

// What the page says about one run, with look-ups that are made once.
class Run {
  constructor(plain) {
    Object.assign(this, plain);
    this.places = new Map(); // sample -> where its numbers for all queries are
    block(`${this.name}/detailed`).forEach((sample, place) => this.places.set(sample, place));
    this.tiles = new Map(); // sample -> tile of its picture
    block(`${this.name}/pictured`).forEach((sample, tile) => this.tiles.set(sample, tile));
    this.held = new Map(this.doubted.map((one, place) => [`${one.split} ${one.sample}`, { ...one, place }])); // suspects to decide about
    let tile = 0;
    for (const query of this.queries) if (query.single) query.tile = tile++;
  }
  column(name) {
    return block(`${this.name}/${name}`);
  }
  // The label of a training sample by its number, or of a held-out suspect by its split and number.
  labelOf(sample) {
    return typeof sample === "number" ? this.column("label")[sample] : this.held.get(sample).label;
  }
  // What the user calls a sample; null where samples have no names.
  nameOf(sample) {
    return this.named ? textsOf(`${this.name}/names`)[sample] : null;
  }
  // A sample that is no picture, in words.
  textOf(sample) {
    return this.texts ? (textsOf(`${this.name}/texts`)[sample] ?? "") : null;
  }
  toMain(method, sample) {
    return this.column(`${method.label}/main`)[sample];
  }
  // The contributions of a sample to all queries by a method; null where the page does not have them.
  ofSample(method, sample) {
    const place = this.places.get(sample);
    if (place === undefined) return null;
    const bits = this.column(`${method.label}/detail`);
    const power = this.column(`${method.label}/power`)[0];
    const width = this.queries.length;
    return Array.from(bits.subarray(place * width, (place + 1) * width), (b) => half(b) / power);
  }
  // One side (0 helped, 1 harmed) of the list of a query: samples with contributions and where these arose.
  listed(method, query, side) {
    const samples = this.column(`${method.label}/sample`);
    const values = this.column(`${method.label}/value`);
    const places = samples.shape[2];
    const rows = [];
    for (let k = 0; k < places; k++) {
      const at = (query * 2 + side) * places + k;
      if (samples[at] === NONE) break;
      rows.push({ sample: samples[at], value: values[at], epochs: this.epochs(method, at) });
    }
    return rows;
  }
  epochs(method, at) {
    if (!method.epochs) return null;
    const all = this.column(`${method.label}/epochs`);
    return all.subarray(at * method.epochs, (at + 1) * method.epochs);
  }
  // The same for one sample in the lists of one query, or null where it stands in none.
  along(method, query, sample) {
    for (const side of [0, 1])
      for (const row of this.listed(method, query, side)) if (row.sample === sample) return row;
    return null;
  }
}
