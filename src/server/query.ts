/** What comes after the `?`. */
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

export function isTrue(value: Query[string]): boolean {
  return value === '1' || value === 'true';
}
