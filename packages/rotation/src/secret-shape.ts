/**
 * 32 bytes as `openssl rand -hex 32` and `openssl rand -base64 32` write them; alone, or after `--option=` or `scheme:`. A path may well hold
 * such a name within.
 */
const SHAPES = [/(?:^|[:=,\s])[0-9a-f]{64}\s*$/i, /(?:^|[:=,\s])[A-Za-z0-9+/_-]{43}=\s*$/]

/** Whether a text could be a key that somebody put where a path or a name belongs. Such a text is never shown. */
export function looksSecret(text: string): boolean {
  return SHAPES.some((shape) => shape.test(text))
}
