// HDF5 filter 32000 (lzf), decoding only, as a plugin that the HDF5 library loads. The one of h5wasm-plugins cannot
// decode blocks whose filter message lacks their size, which is how current h5py writes strings; here the size is
// counted from the block. The module has no data of its own, so that it may be placed anywhere.
// Struct layouts: H5Z_class2_t in H5Zpublic.h; block format: liblzf's lzf_d.c.

@external("env", "malloc") declare function malloc(size: usize): usize;
@external("env", "free") declare function free(address: usize): void;
/** Index of `obsmithLzf` in the table of functions, given by the loader. */
@external("GOT.func", "obsmithLzf") declare let filterIndex: i32;

const LZF = 32000;
const FLAG_REVERSE: u32 = 0x100;

export function H5PLget_plugin_type(): i32 {
  return 0; // H5PL_TYPE_FILTER
}

export function H5PLget_plugin_info(): usize {
  const info = malloc(36);
  const name = info + 32;
  store<u32>(name, 0x00667a6c); // "lzf"
  store<i32>(info, 1); // H5Z_CLASS_T_VERS
  store<i32>(info, LZF, 4);
  store<u32>(info, 0, 8); // no encoder
  store<u32>(info, 1, 12); // a decoder
  store<usize>(info, name, 16);
  store<i32>(info, 0, 20); // can_apply
  store<i32>(info, 0, 24); // set_local
  store<i32>(info, filterIndex, 28);
  return info;
}

/** Replaces the buffer by its decoded content and returns its size; 0 where it is no lzf block. */
export function obsmithLzf(flags: u32, parameters: usize, values: usize, bytes: usize, bufferSize: usize, buffer: usize): usize {
  if (!(flags & FLAG_REVERSE)) return 0;
  const source = load<usize>(buffer);
  const size = decodedSize(source, source + bytes);
  if (size == 0) return 0;
  const target = malloc(size);
  if (target == 0) return 0;
  if (!decode(source, source + bytes, target)) {
    free(target);
    return 0;
  }
  free(source);
  store<usize>(buffer, target);
  store<usize>(bufferSize, size);
  return size;
}

/** Bytes that a block decodes to; 0 where it ends in the middle of an item. */
function decodedSize(source: usize, end: usize): usize {
  let size: usize = 0;
  while (source < end) {
    const control: usize = load<u8>(source++);
    if (control < 32) {
      source += control + 1;
      size += control + 1;
    } else {
      let length = control >> 5;
      if (length == 7 && source < end) length += load<u8>(source++);
      source += 1;
      size += length + 2;
    }
  }
  return source == end ? size : 0;
}

/** False where a reference points before the beginning. */
function decode(source: usize, end: usize, target: usize): bool {
  let out = target;
  while (source < end) {
    const control: usize = load<u8>(source++);
    if (control < 32) {
      memory.copy(out, source, control + 1);
      source += control + 1;
      out += control + 1;
    } else {
      let length = control >> 5;
      if (length == 7) length += load<u8>(source++);
      const distance = ((control & 31) << 8) + load<u8>(source++) + 1;
      if (distance > out - target) return false;
      // Byte by byte: what is copied may overlap what is written.
      for (const last = out + length + 2; out < last; out++) store<u8>(out, load<u8>(out - distance));
    }
  }
  return true;
}
