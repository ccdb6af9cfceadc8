/** One step from the bytes in a file to the bytes of a chunk. */
export interface BytesCodec {
  readonly name: 'blosc' | 'zstd' | 'gzip' | 'zlib' | 'lz4' | 'crc32c';
}

/** How an array's chunks are encoded, the same for both versions. */
export interface ArrayCodecs {
  /** In the order of decoding, up to the first foreign one. */
  readonly codecs: readonly BytesCodec[];
  /** Order of the elements inside a chunk. */
  readonly order: 'C' | 'F';
  /** Set where an array needs codecs that only zarrita may know: their names. */
  readonly foreign: string | null;
}

/** Inner chunks of a v3 shard and the index that says where they lie. */
export interface ShardLayout {
  readonly shape: readonly number[];
  readonly indexAtStart: boolean;
  readonly indexChecksum: boolean;
}

const KNOWN: ReadonlySet<string> = new Set([
  'blosc',
  'zstd',
  'gzip',
  'zlib',
  'lz4',
  'crc32c',
] satisfies BytesCodec['name'][]);
const isKnown = (name: string): name is BytesCodec['name'] => KNOWN.has(name);

/** compressor, filters and order of a `.zarray`. */
export function parseV2Codecs(array: Record<string, unknown>): ArrayCodecs & { readonly filters: string[] } {
  const compressor = array.compressor as { id?: unknown } | null | undefined;
  const filters = Array.isArray(array.filters) ? array.filters.map((filter) => String(filter?.id)) : [];
  const names = [
    ...(compressor ? [String(compressor.id)] : []),
    ...filters.filter((id) => id !== 'vlen-utf8').reverse(),
  ];
  return { ...bytesCodecs(names), order: array.order === 'F' ? 'F' : 'C', filters };
}

interface V3Codec {
  readonly name?: unknown;
  readonly configuration?: Record<string, unknown>;
}

type V3Codecs = ArrayCodecs & {
  readonly bigEndian: boolean;
  readonly shard: Omit<ShardLayout, 'shape'> | null;
  /** chunk_shape of `sharding_indexed`, unchecked. */
  readonly innerChunks: unknown;
};

/** `codecs` of a v3 array; null where it is not a list of codecs. */
export function parseV3Codecs(value: unknown, dimensions: number): V3Codecs | null {
  if (!Array.isArray(value)) return null;
  const list = value.map((codec): V3Codec => (typeof codec === 'string' ? { name: codec } : (codec ?? {})));
  const sharding = list.find((codec) => codec.name === 'sharding_indexed');
  if (!sharding) return { ...parseChain(list, dimensions), shard: null, innerChunks: null };

  const configuration = sharding.configuration ?? {};
  const inner = parseV3Codecs(configuration.codecs, dimensions);
  const index = configuration.index_codecs;
  if (inner === null || !Array.isArray(index)) return null;
  const indexNames = index.map((codec: V3Codec) => String(codec?.name));
  const around = list.filter((codec) => codec !== sharding).map((codec) => String(codec.name));
  const unknownIndex = indexNames.filter((name) => name !== 'bytes' && name !== 'crc32c');
  const foreign = [...around, ...unknownIndex, ...(inner.shard ? ['sharding_indexed in sharding_indexed'] : [])];
  return {
    ...inner,
    foreign: foreign.length > 0 ? foreign.join(', ') : inner.foreign,
    shard: { indexAtStart: configuration.index_location === 'start', indexChecksum: indexNames.includes('crc32c') },
    innerChunks: configuration.chunk_shape ?? [],
  };
}

function parseChain(list: readonly V3Codec[], dimensions: number): ArrayCodecs & { readonly bigEndian: boolean } {
  const names: string[] = [];
  let order: 'C' | 'F' = 'C';
  let bigEndian = false;
  for (const { name, configuration } of list) {
    if (name === 'bytes') bigEndian = configuration?.endian === 'big';
    else if (name === 'transpose' && isReversal(configuration?.order, dimensions)) order = 'F';
    else if (name !== 'vlen-utf8') names.push(String(name));
  }
  return { ...bytesCodecs(names.reverse()), order, bigEndian };
}

const isReversal = (order: unknown, dimensions: number): boolean =>
  Array.isArray(order) && order.length === dimensions && order.every((axis, i) => axis === dimensions - 1 - i);

function bytesCodecs(names: readonly string[]): { codecs: BytesCodec[]; foreign: string | null } {
  const unknown = names.filter((name) => !isKnown(name));
  const known = names.slice(0, unknown.length > 0 ? names.indexOf(unknown[0]!) : names.length);
  return {
    codecs: known.filter(isKnown).map((name) => ({ name })),
    foreign: unknown.length > 0 ? unknown.join(', ') : null,
  };
}
