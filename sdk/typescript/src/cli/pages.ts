import type { List, Page } from '../answers.ts'

const PAGE = 100

/** Every item of a list that comes in pages. */
export async function allOf<Item extends { readonly id: string }>(
  read: (page: Page) => Promise<List<Item>>,
): Promise<Item[]> {
  const items: Item[] = []
  for (let after: string | undefined; ; ) {
    const page = await read({ limit: PAGE, ...(after ? { after } : {}) })
    items.push(...page.data)
    after = page.data.at(-1)?.id
    if (!page.has_more || !after) return items
  }
}
