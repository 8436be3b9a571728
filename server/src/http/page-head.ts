/** How a page of the server begins whose texts are in this language. */
export const pageHead = (language = 'en') => `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">`

/** The colours of all pages, light and dark, and what holds on each of them. */
export const pageStyle = `:root {
  --ink: #1c1b22; --quiet: #625f6d; --line: #e4e1ea; --field: #8d8999; --paper: #fbfaf8; --card: #fff;
  --tint: #f3f1f6; --mark: #5b3fd1; --on: #fff; --bad: #b3261e
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #eceaf2; --quiet: #a5a1b3; --line: #34313d; --field: #7b7789; --paper: #17161b; --card: #201e26;
    --tint: #201e26; --mark: #b3a1ff; --on: #17161b; --bad: #ff9a92
  }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.6 system-ui, -apple-system, 'Segoe UI', sans-serif }`
