"""A user with their own browser: cookies, tabs, and a watch on everything it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from playwright.async_api import Browser, BrowserContext, Page

from tests.browser.tab import Tab
from tests.browser.watch import Watch
from tests.members import Member


@dataclass
class Visitor:
    person: Member | None
    url: str
    context: BrowserContext
    watch: Watch

    @classmethod
    async def arrive(cls, browser: Browser, person: Member | None, url: str, **options: Any) -> Self:
        """`person`: signed in; None: anonymous. `options`: passed to the browser context."""
        context = await browser.new_context(base_url=url, **options)
        watch = Watch(url)
        await watch.start(context)
        if person is not None:
            await context.add_cookies([{"name": "sessionid", "value": person.session, "url": url}])
        return cls(person, url, context, watch)

    @property
    def name(self) -> str:
        assert self.person is not None
        return self.person.name

    async def open(self, path: str = "/") -> Tab:
        """A new tab with the chat, connected."""
        page = await self.context.new_page()
        tab = Tab(page)
        await tab.go(path)
        return tab

    async def page(self, path: str) -> Page:
        """A new tab with any other page."""
        page = await self.context.new_page()
        await page.goto(path)
        return page

    async def api(self, method: str, path: str, data: object = None) -> Any:
        """Calls the API with this user's token, without the page."""
        assert self.person is not None
        response = await self.context.request.fetch(path, method=method, data=data, headers=self.person.bearer)
        assert response.ok, f"{method} {path}: {response.status} {await response.text()}"
        return await response.json() if response.status != 204 else None

    async def leave(self) -> None:
        await self.context.close()
        self.watch.check()
