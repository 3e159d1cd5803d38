import { isAbsolute, resolve } from 'node:path'
import { OverlayError } from '@selvedge/core'
import { isJsonObject } from '@selvedge/core/kit'
import type { PluginConfig } from './exec-plugin.js'

type Fields = Readonly<Record<string, unknown>>

export interface PluginContext {
  /** Such as `the kubeconfig /etc/kubernetes/agent.conf`, for messages. */
  readonly where: string
  /** The folder of the kubeconfig; undefined if it is not known. */
  readonly folder: string | undefined
  /** The cluster of the context. */
  readonly cluster: Fields
}

const API_GROUP = 'client.authentication.k8s.io/'
const DEFAULT_API_VERSION = `${API_GROUP}v1`

/**
 * Reads the `exec` of a kubeconfig's user as kubectl does. A command with a slash is relative to the kubeconfig, one
 * without is looked up in `$PATH`. Throws an OverlayError `INVALID_CONFIG` that quotes nothing else.
 */
export function readPlugin(exec: unknown, { where, folder, cluster }: PluginContext): PluginConfig {
  const invalid = (what: string) => new OverlayError('INVALID_CONFIG', `the exec plugin in ${where} ${what}`)
  if (!isJsonObject(exec)) throw invalid('is not a mapping')
  const { command, args, env, apiVersion, installHint, interactiveMode, provideClusterInfo } = exec
  if (typeof command !== 'string' || command === '') throw invalid('has no command')
  if (interactiveMode === 'Always')
    throw invalid('needs a terminal (interactiveMode: Always): use another one')
  const isPath = command.includes('/')
  if (isPath && !isAbsolute(command) && folder === undefined) {
    throw invalid(
      'has a relative path: name the kubeconfig file, instead of discovering it, or give the whole path',
    )
  }
  return {
    where,
    command: isPath && folder !== undefined ? resolve(folder, command) : command,
    args: listOf(args, isText) ?? fail(invalid('has args that are not a list of strings')),
    env: variablesOf(env) ?? fail(invalid('has an env that is not a list of names and values')),
    apiVersion: isText(apiVersion) && apiVersion.startsWith(API_GROUP) ? apiVersion : DEFAULT_API_VERSION,
    installHint: isText(installHint) && installHint !== '' ? installHint : undefined,
    cluster: provideClusterInfo === true ? clusterInfo(cluster) : undefined,
  }
}

function variablesOf(env: unknown): Readonly<Record<string, string>> | undefined {
  const list = listOf(env, (item): item is { name: string; value: string } => {
    return isJsonObject(item) && isText(item.name) && isText(item.value)
  })
  return list && Object.fromEntries(list.map(({ name, value }) => [name, value]))
}

/** What a plugin may ask for, under the names that it is told by. */
function clusterInfo(cluster: Fields): object {
  const extensions = listOf(cluster.extensions, isJsonObject) ?? []
  const config = extensions.find(({ name }) => name === `${API_GROUP}exec`)?.extension
  const names = [
    'server',
    'tls-server-name',
    'insecure-skip-tls-verify',
    'certificate-authority-data',
    'proxy-url',
  ]
  const given = names.filter((name) => cluster[name] !== undefined).map((name) => [name, cluster[name]])
  return { ...Object.fromEntries(given), ...(config !== undefined && { config }) }
}

const isText = (value: unknown): value is string => typeof value === 'string'

/** An absent list is empty; undefined for anything that is not a list of such items. */
function listOf<T>(value: unknown, isItem: (item: unknown) => item is T): readonly T[] | undefined {
  if (value === undefined || value === null) return []
  return Array.isArray(value) && value.every(isItem) ? value : undefined
}

function fail(error: Error): never {
  throw error
}
