import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

/** Bundles the compiled workflows into one file, so that workers start without webpack. */
export async function bundleWorkflows(dist: string): Promise<void> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: resolve(dist, 'workflows/index.js'),
    workflowInterceptorModules: [resolve(dist, 'workflows/log-subject.js')],
    logger: new DefaultLogger('WARN'),
  });
  await writeFile(join(dist, 'workflow-bundle.js'), code);
}
