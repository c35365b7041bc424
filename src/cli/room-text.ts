/** A string room is shown in quotes, as everywhere. */
export function showRoom(room: number | string): string {
  return typeof room === 'number' ? String(room) : JSON.stringify(room);
}
