"""The five assets, and what 1C exports upstream of them. Each is a facade over the functions of `importing`."""

from collections.abc import Callable, Iterator, Sequence

import dagster as dg

from onec_pipelines.importing import (
    ImportReport,
    Options,
    Progress,
    import_catalog,
    import_customers,
    import_prices,
    import_stocks,
)
from onec_pipelines.orchestration.definitions.checks import GUARDED, guard_spec
from onec_pipelines.orchestration.definitions.images import collect_op, plan_op, publish_op, to_steps
from onec_pipelines.orchestration.definitions.resources import Onec
from onec_pipelines.orchestration.definitions.tables import IO_MANAGER
from onec_pipelines.orchestration.runs.progress import Watch
from onec_pipelines.orchestration.runs.step import run_session
from onec_pipelines.settings import Settings

OWNERS = ["team:data"]
GROUP = "onec"
KINDS = {"postgres", "python"}
EXPORTED = {
    "goods": "Товары, группы, свойства и единицы измерения: `goods/`, `groups/`, `propertiesGoods/`, `units/`.",
    "offers": "Предложения и их свойства: `offers/`, `propertiesOffers/`.",
    "rests": "Остатки и склады: `rests/`, `storages/`.",
    "prices": "Цены и типы цен: `prices/`, `priceLists/`.",
    "contragents": "Контрагенты: `contragents/`.",
    "import_files": "Изображения товаров: `goods/import_files/`.",
}
"""What 1C exports: name -> description."""


def exported(name: str) -> dg.AssetKey:
    """The key of an external asset: what 1C exports under that name."""
    return dg.AssetKey(["export_1c", name])


export_specs = [
    dg.AssetSpec(exported(name), description=text, group_name="export_1c", kinds={"1c", "file"}, owners=OWNERS)
    for name, text in EXPORTED.items()
]


class ImportConfig(dg.Config):
    """What may be chosen in the launchpad.

    `force` reads every file again, even if nothing has changed since the last import.
    """

    force: bool = False


RunImport = Callable[[Settings, str, Options], ImportReport]
"""An importing function, called with the settings, the database's URL and its options."""


def import_asset(
    name: str, deps: Sequence[dg.AssetKey | str], description: str, run_import: RunImport
) -> dg.AssetsDefinition:
    """An asset over one importing function."""

    @dg.asset(
        name=name,
        deps=deps,
        description=description,
        group_name=GROUP,
        kinds=KINDS,
        owners=OWNERS,
        tags={"onec/dataset": name},
        pool=f"onec_{name}",
        io_manager_key=IO_MANAGER,
        output_required=False,
        check_specs=[guard_spec(name)] if name in GUARDED else None,
    )
    def run_asset(
        context: dg.AssetExecutionContext, config: ImportConfig, onec: Onec, watch: dg.ResourceParam[Watch]
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        def start(progress: Progress) -> ImportReport:
            settings = onec.settings()
            options = Options(
                run_id=context.run.run_id,
                force=config.force,
                max_deactivation=settings.max_deactivation,
                progress=progress,
                workers=settings.workers,
            )
            return run_import(settings, onec.database_url(), options)

        yield from run_session(context, onec, watch, start)

    return run_asset


@dg.graph_asset(
    ins={
        "catalog": dg.AssetIn(dagster_type=dg.Nothing),
        "import_files": dg.AssetIn(key=exported("import_files"), dagster_type=dg.Nothing),
    },
    config=to_steps,
    description="The pictures of active products, checked and published in the media store, recorded in "
    "`onec.product_images`. The first picture that the XML lists is the main one.",
    group_name=GROUP,
    kinds=KINDS,
    owners=OWNERS,
    tags={"onec/dataset": "product_images"},
)
def product_images(catalog: object, import_files: object) -> object:
    """Steps that may run on many machines; see images.py."""
    shards = plan_op(catalog=catalog, import_files=import_files)
    return collect_op(shards.map(publish_op).collect())


assets = [
    import_asset(
        "catalog",
        [exported("goods"), exported("offers")],
        "Products, variants, categories, brands, units and properties of 1C, in `onec.products` and beside it. "
        "Offers whose product has not arrived wait in `onec.pending_records`.",
        lambda settings, url, options: import_catalog(settings.data_dir, url, **options),
    ),
    import_asset(
        "stocks",
        ["catalog", exported("rests")],
        "The stock of each variant in each warehouse, in `onec.stocks`. Stocks of unknown offers or warehouses wait "
        "in `onec.pending_records`.",
        lambda settings, url, options: import_stocks(settings.data_dir, url, **options),
    ),
    import_asset(
        "prices",
        ["catalog", exported("prices")],
        "The price of each variant in each price type, in `onec.prices`. Prices of unknown offers or types wait in "
        "`onec.pending_records`.",
        lambda settings, url, options: import_prices(settings.data_dir, url, **options),
    ),
    import_asset(
        "customers",
        [exported("contragents")],
        "The buyers among the contragents of 1C, in `onec.customers`. Personal data: it is shown nowhere else.",
        lambda settings, url, options: import_customers(settings.data_dir, url, **options),
    ),
    product_images,
]
