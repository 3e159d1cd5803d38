import { CNI_CODE, CniError } from './error.js'

export const VERBS = ['ADD', 'DEL', 'CHECK', 'STATUS', 'GC', 'VERSION'] as const
export type Verb = (typeof VERBS)[number]

/** The environment of a process, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>

/** What a runtime says of one container's attachment, by the environment. */
export interface Attachment {
  readonly containerId: string
  /** The interface's name inside the container. */
  readonly ifName: string
  /** The path of its network namespace; may be empty for DEL: a host that rebooted has it no more. */
  readonly netns: string
}

/** A container's ID and a network's name become parts of file names (containernetworking/cni, utils.go). */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/
export const isName = (text: string): boolean => NAME.test(text)

/** IFNAMSIZ of linux/if.h, without the byte that ends the text. */
const MAX_IF_NAME = 15

/** The verb; throws a CniError for one that is unknown or missing. */
export function verbOf(env: Environment): Verb {
  const command = env.CNI_COMMAND ?? ''
  const verb = VERBS.find((known) => known === command)
  if (verb !== undefined) return verb
  throw invalid(command === '' ? 'CNI_COMMAND is missing' : `unknown CNI_COMMAND: ${command}`)
}

/** The attachment that ADD, DEL or CHECK is about; throws a CniError that names every variable that is missing. */
export function attachmentOf(env: Environment, verb: 'ADD' | 'DEL' | 'CHECK'): Attachment {
  const required = ['CNI_CONTAINERID', 'CNI_IFNAME', 'CNI_PATH', ...(verb === 'DEL' ? [] : ['CNI_NETNS'])]
  const missing = required.filter((name) => (env[name] ?? '') === '')
  if (missing.length > 0) throw invalid(`${verb} needs ${missing.join(', ')} in its environment`)
  const { CNI_CONTAINERID: containerId = '', CNI_IFNAME: ifName = '', CNI_NETNS: netns = '' } = env
  if (!isName(containerId))
    throw invalid(`CNI_CONTAINERID holds characters that no ID may have: '${containerId}'`)
  if (Buffer.byteLength(ifName) > MAX_IF_NAME) {
    throw invalid(`CNI_IFNAME is '${ifName}': a name has at most ${MAX_IF_NAME} bytes`)
  }
  if (ifName === '.' || ifName === '..' || /[/:\s]/.test(ifName)) {
    throw invalid(`CNI_IFNAME is '${ifName}', which is no interface's name`)
  }
  return { containerId, ifName, netns }
}

const invalid = (message: string): CniError => new CniError(CNI_CODE.invalidEnvironment, message)
