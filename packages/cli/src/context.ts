import type { CliIo } from './io.js'
import type { Page } from './output/page.js'

/** What every command gets. */
export interface Context {
  readonly io: CliIo
  readonly page: Page
  readonly showSecrets: boolean
}
