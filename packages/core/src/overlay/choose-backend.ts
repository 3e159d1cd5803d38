import type { Backend } from '../contract/backend.js'
import type { BackendLoader } from '../contract/backend-loader.js'
import type { NetworkConfig } from '../lease/network-config.js'
import { OverlayError } from '../util/errors.js'

/** What an overlay is composed with: one backend, or several for the network config to choose from. */
export type BackendChoice = Backend | BackendLoader | readonly (Backend | BackendLoader)[]

/** What flanneld takes for a config without a Backend section (its code; its documentation says vxlan). */
const FLANNEL_DEFAULT = 'udp'

/**
 * The backend that the network config names. A single one also serves a config that names none.
 *
 * Throws an OverlayError `INVALID_CONFIG` that says which there are if none is of that type: a network made for one
 * backend does not work with another, and that is to be said before anything is changed.
 */
export function chooseBackend(
  { backend: section }: NetworkConfig,
  choice: BackendChoice,
): Backend | BackendLoader {
  const backends = isList(choice) ? choice : [choice]
  const type = section?.type ?? (isList(choice) ? FLANNEL_DEFAULT : choice.type)
  const found = backends.find((backend) => backend.type.toLowerCase() === type.toLowerCase())
  if (found !== undefined) return found
  const named =
    section === undefined
      ? `the network config has no Backend section, which with flannel means '${FLANNEL_DEFAULT}'`
      : `the network config's Backend.Type is '${section.type}'`
  const composed = backends.map((backend) => `'${backend.type}'`).join(', ')
  throw new OverlayError(
    'INVALID_CONFIG',
    `${named}, but this overlay is composed with ${composed}: add that backend to it, or change the config`,
  )
}

/** What a backend requires of drivers as far as that is known before there is a network config. */
export function knownRequirements(choice: BackendChoice): readonly string[] {
  if (isList(choice) || 'load' in choice || typeof choice.requires === 'function') return []
  return choice.requires ?? []
}

export const isList = (choice: BackendChoice): choice is readonly (Backend | BackendLoader)[] =>
  Array.isArray(choice)
