/** ONNX Runtime, loaded when a thread first runs a model. Its errors come as exceptions; its own lines on stderr would only repeat them. */
export async function loadRuntime(): Promise<typeof import('onnxruntime-node')> {
  const runtime = await import('onnxruntime-node');
  runtime.env.logLevel = 'fatal';
  return runtime;
}
