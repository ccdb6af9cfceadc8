import type { NativeConnection, WorkerDeploymentOptions } from '@temporalio/worker';
import type { Logger } from 'pino';
import { ensureCurrentVersion } from '../server/deployment.js';

/** Says which version this worker has and, where another one is current, how to make it so. */
export async function announceVersion(
  connection: NativeConnection,
  namespace: string,
  options: WorkerDeploymentOptions,
  signal: AbortSignal,
  logger: Logger,
): Promise<void> {
  const { deploymentName, buildId } = options.version;
  const current = await ensureCurrentVersion(connection, namespace, options, signal);
  const command = `temporal worker deployment set-current-version --deployment-name ${deploymentName} --build-id ${buildId}`;
  if (current === buildId) logger.info({ deploymentName, buildId }, 'this version of the workers is current');
  else
    logger.warn(
      { deploymentName, buildId, current },
      `this worker gets no workflows until its version is current: ${command}`,
    );
}
