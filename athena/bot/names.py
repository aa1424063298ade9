"""The display names of instances."""

from __future__ import annotations

from collections.abc import Callable

from athena.service.instances import Instances


async def names_of(instances: Instances) -> Callable[[str], str]:
    """Gives the display name for a slug, as it is now; the slug itself where there is none."""
    present = await instances.list()
    names = {each.instance.slug: each.instance.display_name for each in present}
    return lambda slug: names.get(slug, slug)
