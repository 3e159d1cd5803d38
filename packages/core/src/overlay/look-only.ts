import type { Backend } from '../contract/backend.js'
import type { BackendLoader } from '../contract/backend-loader.js'
import type { Driver, Operation } from '../contract/driver.js'
import { isOverlayError, OverlayError } from '../util/errors.js'
import { type BackendChoice, isList } from './choose-backend.js'

/** How many of the refused operations a message names. */
const MAX_NAMED = 3

/** What an overlay is composed of, for a plan: nothing gets through to where it would change something. */
export class LookOnly {
  /** What the backend says it cannot know. */
  readonly unknown: string[] = []
  readonly #refused: Operation[] = []

  driver(driver: Driver): Driver {
    const { name, kinds, shared } = driver
    const preflight = driver.preflight?.bind(driver)
    const externalInterface = driver.externalInterface?.bind(driver)
    return {
      name,
      kinds,
      shared,
      ...(preflight && {
        preflight: (requirements, options) => preflight(requirements, { ...options, lookOnly: true }),
      }),
      ...(externalInterface && { externalInterface }),
      snapshot: (scope, options) => driver.snapshot(scope, options),
      apply: async (operations) => {
        this.#refused.push(...operations)
        return operations.map(({ resource: { key } }) => ({
          ok: false,
          error: new OverlayError('UNSUPPORTED', `a plan changes nothing, nor ${key}`),
        }))
      },
      [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose](),
    }
  }

  choice(choice: BackendChoice): BackendChoice {
    return isList(choice) ? choice.map((one) => this.#backendOrLoader(one)) : this.#backendOrLoader(choice)
  }

  /** The error of a start, and what the start would have changed nevertheless. */
  withRefused(error: unknown): unknown {
    if (this.#refused.length === 0 || !isOverlayError(error)) return error
    const named = this.#refused.slice(0, MAX_NAMED).map(({ type, resource }) => `${type} ${resource.key}`)
    const more = this.#refused.length - named.length
    const { code, message, errno } = error
    return new OverlayError(
      code,
      `${message}. A start that fails by it changes this host all the same: ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
      { cause: error, ...(errno !== undefined && { errno }) },
    )
  }

  #backendOrLoader(one: Backend | BackendLoader): Backend | BackendLoader {
    return 'load' in one ? this.#loader(one) : this.#backend(one)
  }

  #loader(loader: BackendLoader): BackendLoader {
    const { type } = loader
    const preview = loader.preview?.bind(loader)
    const sendsPlain = loader.sendsPlain?.bind(loader)
    const leftovers = loader.leftovers?.bind(loader)
    return {
      type,
      load: async (context, options) => {
        if (preview === undefined) {
          throw new OverlayError(
            'UNSUPPORTED',
            `planning with the backend ${type}: it cannot be made without changing something on this host`,
          )
        }
        const { backend, unknown } = await preview(context, options)
        this.unknown.push(...unknown)
        return this.#backend(backend)
      },
      ...(sendsPlain && { sendsPlain }),
      ...(leftovers && {
        leftovers: async (context, options) =>
          (await leftovers(context, options)).map((driver) => this.driver(driver)),
      }),
    }
  }

  #backend(backend: Backend): Backend {
    const { type, requires } = backend
    const warnings = backend.warnings?.bind(backend)
    const drivers = backend.drivers?.bind(backend)
    const sendsPlain = backend.sendsPlain?.bind(backend)
    return {
      type,
      requires,
      mtu: (context) => backend.mtu(context),
      attributes: (context) => backend.attributes(context),
      local: (context) => backend.local(context),
      peer: (lease, context) => backend.peer(lease, context),
      ...(warnings && { warnings }),
      ...(drivers && { drivers: (context) => drivers(context).map((driver) => this.driver(driver)) }),
      ...(sendsPlain && { sendsPlain }),
    }
  }
}
