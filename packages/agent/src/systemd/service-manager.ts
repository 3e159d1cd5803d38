import { sendDatagram } from './unix-datagram.js'

/** How this process reaches the service manager. */
export interface ServiceManagerOptions {
  /** The environment that the service manager set: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID. */
  readonly variables: Readonly<Record<string, string | undefined>>
  /** Called with the first of several failures in a row to notify the service manager. */
  readonly onError: (error: unknown) => void
  /** This process's ID, to compare with WATCHDOG_PID. Default: `process.pid`. */
  readonly pid?: number
  /** How a datagram is sent; a test injects its own. Default: by a Unix datagram socket. */
  readonly send?: (path: string, text: string) => void
}

/**
 * Notifies systemd about this process (sd_notify(3)): that it is ready, what it is doing, that it is alive, that it stops.
 * Without a service manager that listens, it does nothing and loads nothing.
 */
export class ServiceManager {
  readonly #options: ServiceManagerOptions
  #status: string | undefined
  #failed = false
  #watchdog: NodeJS.Timeout | undefined

  constructor(options: ServiceManagerOptions) {
    this.#options = options
  }

  /** Ready: units that wait for this one may start. */
  ready(): void {
    this.#notify('READY=1')
  }

  /** One line for `systemctl status`. */
  status(text: string): void {
    if (text === this.#status) return
    this.#status = text
    this.#notify(`STATUS=${text.replaceAll('\n', ' ')}`)
  }

  /** Stopping: systemd counts the stop timeout from here. */
  stopping(): void {
    this.#notify('STOPPING=1')
  }

  /**
   * Reports this process alive while its event loop runs, twice per interval that the service manager set
   * (sd_watchdog_enabled(3)); never if it set none.
   */
  startWatchdog(): void {
    const { WATCHDOG_USEC, WATCHDOG_PID } = this.#options.variables
    const interval = Number(WATCHDOG_USEC) / 1000
    const forUs = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === (this.#options.pid ?? process.pid)
    if (!(interval > 0) || !forUs) return
    this.#notify('WATCHDOG=1')
    this.#watchdog = setInterval(() => this.#notify('WATCHDOG=1'), interval / 2)
    this.#watchdog.unref()
  }

  /** Ends the reports of `startWatchdog`; systemd takes the process for dead an interval later. */
  stopWatchdog(): void {
    clearInterval(this.#watchdog)
  }

  #notify(text: string): void {
    const socket = this.#options.variables.NOTIFY_SOCKET
    if (!socket) return
    try {
      const send = this.#options.send ?? sendDatagram
      send(socket, text)
      this.#failed = false
    } catch (error) {
      // The next one may get through: the queue may only be full.
      if (!this.#failed) this.#options.onError(error)
      this.#failed = true
    }
  }
}
