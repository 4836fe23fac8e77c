"""Answers that are made for rendering tests."""

from __future__ import annotations

import base64
from typing import Final

MARKDOWN: Final = """# Herons, in short

A heron is a *long-legged* bird with a **patient** manner and a `bill` like a dagger; see [the notes][n].

1. It stands.
2. It waits:
   - for fish
   - for frogs, ~~rarely~~ often
3. It strikes.

> Patience is bitter, but its fruit is sweet.
>
> - quoted list

| bird | height | sea level |
| :--- | ---: | :---: |
| grey heron | 98 cm | yes |
| goliath heron | 152 cm | `no` |

```python
def strike(prey: str) -> str:
    return f"caught {prey} & <more>"
```

- [x] watched
- [ ] fed

Setext
------

Hard\\
break, an autolink <https://example.org/herons?a=1&b=2>, an image ![a heron](https://example.org/heron.png "Heron"),
some <b>HTML</b>, an emoji 🐦 and عربي.

    indented code

***

[n]: https://example.org/notes "Notes"

Last words without a line end"""


# Longer than any test waits on any machine: it streams until it is stopped.
ENDLESS: Final = "/numbered rate=40 count=20000"


def scripted(text: str, *, size: int, rate: int = 0) -> str:
    """A message that the fake model answers with `text`, `size` characters a piece, `rate` pieces per second."""
    return f"/markdown:{base64.b64encode(text.encode()).decode()} n={size} rate={rate}"
