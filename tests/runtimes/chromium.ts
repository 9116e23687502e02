import { existsSync } from 'node:fs'
import type { Server } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { delimiter, join } from 'node:path'
import { chromium } from 'playwright-core'
import type { Report, Task } from './portable/suite.ts'

/** None of Chromium's own traffic, and nothing that asks for a screen or a GPU. Playwright makes a fresh profile and sets `--no-sandbox`. */
const FLAGS = [
  '--headless', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
  '--disable-sync',
]

/** A page like a strict site's: scripts of its own only, no eval, no WebAssembly. */
const HEADERS = { 'Content-Type': 'text/html', 'Content-Security-Policy': "default-src 'none'; script-src 'self'" }
const HTML = '<!doctype html><meta charset="utf-8"><script type="module" src="/suite.js"></script>'

export interface Page {
  readonly version: string
  run(task: Task): Promise<Report>
  close(): Promise<void>
}

/** Chromium on the PATH. */
export function findChromium(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.map((folder) => join(folder, 'chromium')).find((path) => existsSync(path))
}

/** Opens a page that has loaded `code`, which defines the global `runTask`. */
export async function openPage(executablePath: string, code: Uint8Array): Promise<Page> {
  const server = await serve(code)
  const browser = await chromium.launch({ executablePath, args: FLAGS })
  const page = await browser.newPage()
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  return {
    version: browser.version(),
    run: (task) => page.evaluate((one) => (globalThis as unknown as { runTask(task: Task): Promise<Report> }).runTask(one), task),
    async close() {
      await browser.close()
      server.close()
    },
  }
}

function serve(code: Uint8Array): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url === '/suite.js') response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(code)
    else response.writeHead(request.url === '/' ? 200 : 404, HEADERS).end(HTML)
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}
