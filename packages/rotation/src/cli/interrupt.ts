/**
 * Ctrl-C, SIGTERM and a closed terminal ask long work to stop after its batch. A second Ctrl-C ends the process at once, which a run survives:
 * rows are committed before the checkpoint.
 */
export async function interruptible<T>(announce: () => void, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(130)
    controller.abort()
    announce()
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, stop)
  try {
    return await work(controller.signal)
  } finally {
    for (const signal of signals) process.off(signal, stop)
  }
}
