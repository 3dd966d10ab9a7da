"""What the properties of a HATS collection say of a published table."""

from __future__ import annotations

from xsift.publish.resource import LICENCES, Resource, ResourceTable

__all__ = ["hats_properties"]


def hats_properties(resource: Resource, table: ResourceTable) -> dict[str, str]:
    """Return the properties of a table by their HATS keywords. Unstated ones are left out."""
    said = {
        "obs_title": f"{resource.title}: {table.name}",
        "obs_description": resource.description,
        "obs_regime": "X-ray",
        "hats_creator": resource.creator,
        "hats_creation_date": resource.created,
        "hats_copyright": resource.licence,
        "obs_copyright_url": LICENCES.get(resource.licence, ""),
        "bib_reference": resource.reference,
        "prov_progenitor": resource.provenance.get("detections_from", ""),
    }
    return {key: value for key, value in said.items() if value}
