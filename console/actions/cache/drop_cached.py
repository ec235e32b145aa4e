"""invalidate-brand, flush-tenant: drop cached values of brands that were changed without the library."""

from __future__ import annotations

from uuid import UUID

from console.actions.needs import Needs
from console.actions.planning import Action, Request
from console.format import counted, safe
from console.model import CacheDrop, Claim, Kind, Parameter, Plan, Step, Trouble
from console.sources.redis.readings import NAMESPACE, SLICE
from console.sources.registry import NO_REDIS, REDIS

NEEDS = Needs(in_words="a Redis, named by --redis", source=REDIS, planned=False)


async def plan_brand(request: Request) -> Plan:
    """Take the next generation of one brand. Raises Trouble(USAGE) for an invalid UUID."""
    brand = _uuid(request, "brand")
    step = Step(
        f"EVALSHA settle {NAMESPACE} {brand}",
        execution=CacheDrop(_redis(request), (brand,)),
        note="takes the next generation: drops profile, templates and assets of this brand, and nothing else",
    )
    claim = Claim(f"cache of brand {brand}")
    return Plan(claim, (step,), summary=f"invalidate brand {brand}", result=f"brand {brand} invalidated")


async def plan_tenant(request: Request) -> Plan:
    """Take the next generation of every brand of an organization, and remove their keys."""
    redis, organization = _redis(request), _uuid(request, "organization")
    found = await request.server.fetch("actions/tenant_brands", {"organization": organization})
    brands = tuple(str(brand) for brand in found.values("brand"))
    claim = Claim(f"cache of organization {organization}")
    if not brands:
        return Plan(claim, notes=("The organization has no brands.",))
    many = counted(len(brands), "brand")
    steps = (
        Step(
            f"EVALSHA settle {NAMESPACE} BRAND  -- for each of {many}",
            execution=CacheDrop(redis, brands),
            note="takes the next generation: from then on no cached value of these brands is read",
        ),
        Step(
            f"SCAN CURSOR MATCH {NAMESPACE}:* COUNT {SLICE}\nUNLINK KEY …  -- keys of these brands",
            execution=CacheDrop(redis, brands, sweep=True),
            note="frees their memory in slices, with pauses: Redis spends at most a fifth of its time on it",
        ),
    )
    return Plan(claim, steps, summary=f"the cache of {many}", result=f"cache of {many} flushed")


def _redis(request: Request) -> str:
    if not request.redis:
        raise Trouble(Kind.MISSING, "No Redis is named.", NO_REDIS)
    return request.redis


def _uuid(request: Request, name: str) -> str:
    given = request.parameters[name].strip()
    try:
        return str(UUID(given))
    except ValueError:
        raise Trouble(Kind.USAGE, f"{name} must be a UUID, not {safe(given, 60)}.") from None


INVALIDATE_BRAND = Action(
    name="invalidate-brand",
    title="Invalidate the cache of a brand",
    help="Drops all cached values of one brand in one step, for a brand that was changed without the library.",
    plan=plan_brand,
    parameters=(Parameter("brand", "id of the brand", required=True),),
    row={"brand": "brand"},
    needs=NEEDS,
)
FLUSH_TENANT = Action(
    name="flush-tenant",
    title="Flush the cache of a tenant",
    help="Drops all cached values of the brands of one organization, with SCAN and UNLINK in slices.",
    plan=plan_tenant,
    parameters=(Parameter("organization", "id of the organization", required=True),),
    row={"organization": "organization_id"},
    needs=NEEDS,
)
