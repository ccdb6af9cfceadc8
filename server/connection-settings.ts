import { existsSync } from 'node:fs';
import { type ClientConfigProfile, loadClientConfigProfile, toClientOptions } from '@temporalio/envconfig';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { invalidConfig } from '../core/errors.js';

/** How to reach a server: what client and worker connections share. Never written anywhere: it holds keys. */
export interface ConnectionSettings extends Pick<NativeConnectionOptions, 'tls' | 'metadata'> {
  /** Null where nothing names a server. */
  readonly address: string | null;
  readonly namespace: string;
  readonly apiKey?: string;
}

/** A connection to a named server. */
export type ServerSettings = ConnectionSettings & { readonly address: string };

/**
 * Reads TEMPORAL_* variables and the profile of the Temporal configuration file, as every Temporal client does.
 * InvalidConfig where a file is missing or cannot be parsed, or only half of a client certificate is given.
 */
export function connectionSettings(env: NodeJS.ProcessEnv): ConnectionSettings {
  const { TEMPORAL_CONFIG_FILE: file } = env;
  if (file && !existsSync(file)) {
    throw invalidConfig(`TEMPORAL_CONFIG_FILE names ${file}, which is not there`, 'Correct the path, or unset it.');
  }
  const { connectionOptions, namespace = 'default' } = readProfile(env);
  const { address, tls, apiKey, metadata } = connectionOptions;
  return {
    address: address ?? null,
    namespace,
    ...(tls === undefined ? {} : { tls }),
    ...(typeof apiKey === 'string' ? { apiKey } : {}),
    ...(metadata === undefined ? {} : { metadata }),
  };
}

/** The environment of processes that talk to a server which was started for them: no credentials, no TLS, no profile. */
export function embeddedEnvironment(env: NodeJS.ProcessEnv, address: string): NodeJS.ProcessEnv {
  const others = Object.entries(env).filter(([name]) => !name.startsWith('TEMPORAL_'));
  return {
    ...Object.fromEntries(others),
    TEMPORAL_ADDRESS: address,
    TEMPORAL_NAMESPACE: 'default',
    TEMPORAL_TLS: 'false',
  };
}

function readProfile(env: NodeJS.ProcessEnv) {
  const overrideEnvVars = Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  try {
    const profile = loadClientConfigProfile({ overrideEnvVars });
    refuseHalfCertificate(profile);
    return toClientOptions(profile);
  } catch (error) {
    throw invalidConfig(
      `The connection settings for Temporal cannot be read: ${(error as Error).message}`,
      'Correct the TEMPORAL_* variables or the Temporal configuration file (TEMPORAL_CONFIG_FILE, TEMPORAL_PROFILE).',
    );
  }
}

/** The SDK would connect without a certificate instead. */
function refuseHalfCertificate({ tls }: ClientConfigProfile): void {
  if ((tls?.clientCert === undefined) === (tls?.clientKey === undefined)) return;
  throw new Error(`a client ${tls?.clientCert ? 'certificate without its key' : 'key without its certificate'}`);
}
