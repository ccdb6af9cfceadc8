// The install script of onnxruntime-node downloads CUDA libraries (300 MB) unless it is told not to, and the only ways that
// it reads are an environment variable and a key in .npmrc that npm does not know and warns about. It loads this package
// first, so here is where it is told; with ONNXRUNTIME_NODE_INSTALL=cuda12 they are downloaded.
process.env.ONNXRUNTIME_NODE_INSTALL ??= 'skip';

/** The real package sets up proxies. */
exports.bootstrap = () => {};
