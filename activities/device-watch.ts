import { isObsmithError, ObsmithError } from '../core/errors.js';

/** A device that fails so often in a row is left alone: its worker stops, so that work goes to others. */
const MOST_IN_A_ROW = 3;

/** Counts device errors in a row, over all activities of a worker. */
export class DeviceWatch {
  readonly #device: string;
  readonly #onLoss: (error: ObsmithError) => void;
  #inARow = 0;

  /** `onLoss` is called once, with the error that the worker ends with. */
  constructor(device: string, onLoss: (error: ObsmithError) => void) {
    this.#device = device;
    this.#onLoss = onLoss;
  }

  /** Runs work on the device. What fails for another reason says nothing about it. */
  async observe<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      const result = await work();
      this.#inARow = 0;
      return result;
    } catch (error) {
      if (isObsmithError(error) && error.type === 'CudaDeviceError' && ++this.#inARow === MOST_IN_A_ROW) {
        this.#onLoss(this.#lost(error));
      }
      throw error;
    }
  }

  #lost({ message }: ObsmithError): ObsmithError {
    return new ObsmithError({
      type: 'CudaDeviceError',
      message: `This worker stopped: ${this.#device} failed ${MOST_IN_A_ROW} times in a row. Last: ${message}`,
      remedy:
        'Its work goes to other GPU workers. Look at nvidia-smi -q and the kernel log (dmesg, "Xid"), and start the worker again once the device works.',
    });
  }
}
