const MOST_CODE_POINTS = 64

/** Controls (C0, DEL, C1), line and paragraph separators, bidi embeddings, overrides and isolates. */
const UNCLEAN = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u
const VISIBLE = /[^\s\p{Default_Ignorable_Code_Point}]/u
/** Mail programs make links of these, and a name is put into mails that strangers receive. */
const LINK = /:\/\/|www\./

/** True for text that shows as it reads: well-formed Unicode without controls, breaks or turned writing. */
export function isCleanText(value: string): boolean {
  return value.isWellFormed() && !UNCLEAN.test(value)
}

/** True for a name of a person, device or key: clean, visible, no link, at most 64 code points. */
export function isSafeName(value: string): boolean {
  if (value.length > 2 * MOST_CODE_POINTS || !isCleanText(value)) return false
  if (Array.from(value).length > MOST_CODE_POINTS || !VISIBLE.test(value)) return false
  return !LINK.test(value.normalize('NFKC').toLowerCase())
}
