import { type Device, executionProvider } from './device.js';
import { deviceError } from './device-error.js';
import { loadRuntime } from './runtime.js';

/** The smallest graph there is: y = Identity(x), float of one value; ONNX opset 13. */
const IDENTITY = Buffer.from(
  'CAg6NwoQCgF4EgF5IghJZGVudGl0eRIBZ1oPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCBAoAEA0=',
  'base64',
);

/** Runs a graph of one value on a device; InvalidConfig, saying what is missing, where that cannot be done. */
export async function probeDevice(device: Device): Promise<void> {
  const { InferenceSession, Tensor } = await loadRuntime();
  try {
    const session = await InferenceSession.create(IDENTITY, { executionProviders: [executionProvider(device)] });
    await session.run({ x: new Tensor('float32', [1], [1]) });
    await session.release();
  } catch (cause) {
    throw deviceError(device, cause) ?? cause;
  }
}
