// `npm run size`: what core adds to a page, and of which parts it consists. Ends with 1 over the limit, or where a module of Node is in it.
import { BROWSER_ENTRY, bundleForBrowser, GZIP_LIMIT, sizesOf, strangersIn } from './browser-bundle.ts'
import { root } from './run-step.ts'

const bundle = await bundleForBrowser(BROWSER_ENTRY, root)
const { minified, gzip, brotli } = sizesOf(bundle)
const strangers = strangersIn(bundle)
for (const path of strangers) console.log(`not for a browser: ${path}`)
console.log(`size: ${minified} bytes minified, ${gzip} gzip (limit ${GZIP_LIMIT}), ${brotli} brotli`)
process.exitCode = gzip <= GZIP_LIMIT && strangers.length === 0 ? 0 : 1
