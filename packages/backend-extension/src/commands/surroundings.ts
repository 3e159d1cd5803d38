import { checkOptions, path, record } from '@selvedge/core/kit'
import type { Environment } from './words.js'

export const DEFAULT_TIMEOUT_S = 60

/** Where the commands of a network config run, and where it is recorded that they did. */
export interface ExtensionOptions {
  /**
   * The folder that the records of what was run are kept in; a folder of the network's name is made in it. Two overlays
   * of one network on one machine need one each. Default: `/run/flannel/extension`.
   */
  readonly folder?: string | undefined
  /** What every command finds in its environment besides its own variables. Default: a PATH. */
  readonly environment?: Environment | undefined
}

const DEFAULT_FOLDER = '/run/flannel/extension'
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** The options, with the defaults filled in. */
export function surroundings(options: ExtensionOptions) {
  checkOptions<ExtensionOptions>('extension()', options, { folder: path, environment: record })
  const { folder = DEFAULT_FOLDER, environment = { PATH: DEFAULT_PATH } } = options
  return { folder, environment }
}
