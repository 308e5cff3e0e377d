/**
 * Cuts valid JSON at the commas of its outermost array or object, so that each element or member stays as it was written: also numbers
 * that a JavaScript number can't hold.
 */
export function splitOutermost(json: string): string[] {
  const text = json.trim();
  const parts: string[] = [];
  let depth = 0;
  let inString = false;
  let from = 1;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (inString) {
      if (character === '\\') at += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '[' || character === '{') depth += 1;
    else if (character === ']' || character === '}') depth -= 1;
    if (inString || !((character === ',' && depth === 1) || depth === 0)) continue;
    const part = text.slice(from, at).trim();
    if (part !== '') parts.push(part);
    from = at + 1;
  }
  return parts;
}
