// Decodes a zstd frame (RFC 8878). The host (core/kernels/unzstd.ts) lays out the memory: words and vectors may be read up
// to 16 bytes before and behind the source, and written up to SLACK bytes behind the target.

import { DISTRIBUTION_BYTES, openDistributions } from "./unzstd/distribution";
import { LITERALS_BYTES, openLiterals, readFourStreams, readStream, readTree } from "./unzstd/literals";
import { openSequences, runSequences, SEQUENCES_BYTES } from "./unzstd/sequences";

const MAX_BLOCK: u32 = 131072;
const RAW: u32 = 0, RLE: u32 = 1, COMPRESSED: u32 = 2;

const DISTRIBUTION: u32 = 0;
const TREE: u32 = DISTRIBUTION + DISTRIBUTION_BYTES;
const SEQUENCES: u32 = TREE + LITERALS_BYTES;
const LITERALS: u32 = SEQUENCES + SEQUENCES_BYTES;
const SCRATCH_BYTES: u32 = LITERALS + MAX_BLOCK + 64;

/** What `decode` answers. */
const CORRUPT: u32 = 0, DECODED: u32 = 1, FOREIGN: u32 = 2;

let scratch: usize = 0;
// The literals of the block.
let literals: usize = 0;
let literalEnd: usize = 0;

/** Bytes of scratch that `decode` needs. */
export function scratchBytes(): u32 {
  return SCRATCH_BYTES;
}

/**
 * Decodes the frame in `source`, which must fill the target exactly. Answers FOREIGN where it has a checksum, needs a
 * dictionary or is not the only one: other decoders know these.
 */
export function decode(source: usize, sourceBytes: u32, target: usize, targetBytes: u32, work: usize): u32 {
  const end = source + sourceBytes;
  if (sourceBytes < 9 || load<u32>(source) != 0xfd2fb528) return CORRUPT;
  const descriptor: u32 = load<u8>(source, 4);
  if ((descriptor & 0x0f) != 0) return FOREIGN;
  const single: u32 = (descriptor >> 5) & 1;
  const sizeBits = descriptor >> 6;
  const sizeBytes: u32 = sizeBits == 0 ? single : 1 << sizeBits;
  let at: usize = source + 6 - single + sizeBytes;
  scratch = work;
  openDistributions(work + DISTRIBUTION);
  openLiterals(work + TREE);
  openSequences(work + SEQUENCES);
  let to = target;
  const toEnd = target + targetBytes;
  while (true) {
    if (at > end || end - at < 3) return CORRUPT;
    const header = <u32>load<u16>(at) | (<u32>load<u8>(at, 2) << 16);
    at += 3;
    const type = (header >> 1) & 3, size = header >> 3;
    const stored: u32 = type == RLE ? 1 : size;
    if (size > MAX_BLOCK || stored > <u32>(end - at) || type > COMPRESSED) return CORRUPT;
    if (type == COMPRESSED) {
      to = decodeBlock(at, at + size, to, min(toEnd, to + MAX_BLOCK), target);
      if (to == 0) return CORRUPT;
    } else {
      if (size > <u32>(toEnd - to)) return CORRUPT;
      if (type == RAW) memory.copy(to, at, size);
      else memory.fill(to, load<u8>(at), size);
      to += size;
    }
    at += stored;
    if (header & 1) break;
  }
  if (to != toEnd) return CORRUPT;
  return at == end ? DECODED : FOREIGN;
}

function decodeBlock(from: usize, end: usize, to: usize, toEnd: usize, first: usize): usize {
  const sequences = readLiterals(from, end);
  return sequences == 0 ? 0 : runSequences(sequences, end, to, toEnd, first, literals, literalEnd);
}

/** Returns where the sequences begin, 0 where the literals are corrupt. */
function readLiterals(from: usize, end: usize): usize {
  if (end - from < 2) return 0;
  const header = load<u64>(from);
  const type = <u32>header & 3, format = (<u32>header >> 2) & 3;
  return type < 2 ? readPlain(from, end, <u32>header, type, format) : readCoded(from, end, header, type, format);
}

/** Literals as they are, or one byte for all of them. */
function readPlain(from: usize, end: usize, header: u32, type: u32, format: u32): usize {
  const wide = format == 1 ? 2 : format == 3 ? 3 : 1;
  const size = wide == 1 ? (header >> 3) & 31 : wide == 2 ? (header >> 4) & 0xfff : (header >> 4) & 0xfffff;
  from += wide;
  if (size > MAX_BLOCK || from > end) return 0;
  if (type == RAW) {
    if (size > <u32>(end - from)) return 0;
    literals = from;
    literalEnd = from + size;
    return literalEnd;
  }
  if (from >= end) return 0;
  literals = scratch + LITERALS;
  literalEnd = literals + size;
  memory.fill(literals, load<u8>(from), size);
  return from + 1;
}

/** Literals in a Huffman code, in one stream or four; the code is described (type 2) or that of an earlier block. */
function readCoded(from: usize, end: usize, header: u64, type: u32, format: u32): usize {
  const bits: u32 = format < 2 ? 10 : format == 2 ? 14 : 18;
  const size = <u32>(header >> 4) & ((1 << bits) - 1);
  const coded = <u32>(header >> (4 + bits)) & ((1 << bits) - 1);
  from += (4 + 2 * bits + 7) >>> 3;
  if (size > MAX_BLOCK || from > end || coded > <u32>(end - from)) return 0;
  const streamsEnd = from + coded;
  if (type == 2) {
    from = readTree(from, streamsEnd);
    if (from == 0) return 0;
  }
  literals = scratch + LITERALS;
  literalEnd = literals + size;
  const read = format == 0 ? readStream(from, streamsEnd, literals, size) : readFourStreams(from, streamsEnd, literals, size);
  return read ? streamsEnd : 0;
}
