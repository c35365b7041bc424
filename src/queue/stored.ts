/**
 * An object as it was written to Redis, or null for anything else: what cannot be read must not hold up the rest.
 * Its fields are not looked at.
 */
export function storedObject<T extends object>(text: string): T | null {
  try {
    const value = JSON.parse(text) as T | null;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null; // no JSON
  }
}

/** The objects of a hash by their fields, without what cannot be read. */
export function storedObjects<T extends object>(hash: Readonly<Record<string, string>>): Map<string, T> {
  const found = new Map<string, T>();
  for (const [field, text] of Object.entries(hash)) {
    const value = storedObject<T>(text);
    if (value !== null) found.set(field, value);
  }
  return found;
}
