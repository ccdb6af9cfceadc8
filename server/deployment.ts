import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NativeConnection, WorkerDeploymentOptions } from '@temporalio/worker';
import { PACKAGE_ROOT } from '../core/package-root.js';

/** Characters of the hash of the workflow code in a build id. */
const HASH_LENGTH = 12;
/** The server learns of a deployment from the first poll of its workers. */
const LOOK_MS = 500;
const LOOKS = 60;

/** Package version and hash of the workflow code, "0.1.0-1f0c2a9b4d3e": two workers of one id replay the same. */
export function buildIdOf(workflowCode: string): string {
  const { version } = JSON.parse(readFileSync(`${PACKAGE_ROOT}/package.json`, 'utf8')) as { version: string };
  return `${version}-${createHash('sha256').update(workflowCode).digest('hex').slice(0, HASH_LENGTH)}`;
}

/**
 * The version that a worker says it has. With `versioned`, the server gives workflows only to workers of the deployment's
 * current version; runs move on to the next one when that becomes current, so old workers can be ended at any time.
 */
export function deploymentOptions(
  deploymentName: string,
  workflowBundle: string,
  versioned: boolean,
): WorkerDeploymentOptions {
  const version = { deploymentName, buildId: buildIdOf(readFileSync(workflowBundle, 'utf8')) };
  return versioned
    ? { version, useWorkerVersioning: true, defaultVersioningBehavior: 'AUTO_UPGRADE' }
    : { version, useWorkerVersioning: false };
}

/**
 * Makes the first version of a deployment its current one: without one, workflows would wait for ever. Later versions wait
 * for a person. Gives the build id that is current, or null where the server did not tell in time or `signal` aborted.
 */
export async function ensureCurrentVersion(
  { workflowService }: Pick<NativeConnection, 'workflowService'>,
  namespace: string,
  { version: { deploymentName, buildId } }: WorkerDeploymentOptions,
  signal: AbortSignal,
): Promise<string | null> {
  for (let look = 0; look < LOOKS && !signal.aborted; look++) {
    try {
      const { workerDeploymentInfo: info, conflictToken } = await workflowService.describeWorkerDeployment({
        namespace,
        deploymentName,
      });
      const current = info?.routingConfig?.currentDeploymentVersion?.buildId;
      if (current) return current;
      // The token makes the server refuse where another worker was faster: the next look finds its version.
      await workflowService.setWorkerDeploymentCurrentVersion({ namespace, deploymentName, buildId, conflictToken });
      return buildId;
    } catch {
      await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
    }
  }
  return null;
}
