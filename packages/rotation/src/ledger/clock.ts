/** The time now, ISO 8601 in UTC. */
export type Clock = () => string

export const systemClock: Clock = () => new Date().toISOString()
