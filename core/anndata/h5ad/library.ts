import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Dataset, File, Group, ready } from 'h5wasm/node';
import { built } from '../../package-root.js';

/** The functions of the HDF5 library itself, loaded once per thread. */
export const hdf5 = await ready;

// Without this, failed reads return what happens to lie in memory.
hdf5.activate_throwing_error_handler();
const plugins = dirname(createRequire(import.meta.url).resolve('h5wasm-plugins'));
hdf5.insert_plugin_search_path(join(plugins, 'plugins'), 0);
// Before those: our lzf, because theirs cannot decode strings as current h5py writes them.
hdf5.insert_plugin_search_path(built('core/kernels/hdf5-plugins'), 0);

export { Dataset, File, Group };
