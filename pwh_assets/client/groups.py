"""Every group of operations. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from pwh_assets.client.ops_actions import Actions
from pwh_assets.client.ops_alerts import Alerts
from pwh_assets.client.ops_audit_log import AuditLog
from pwh_assets.client.ops_capture_keys import CaptureKeys
from pwh_assets.client.ops_checks import Checks
from pwh_assets.client.ops_cohorts import Cohorts
from pwh_assets.client.ops_column_statistics import ColumnStatistics
from pwh_assets.client.ops_drafts import Drafts
from pwh_assets.client.ops_fixes import Fixes
from pwh_assets.client.ops_folders import Folders
from pwh_assets.client.ops_freshness import Freshness
from pwh_assets.client.ops_joins import Joins
from pwh_assets.client.ops_lineage import Lineage
from pwh_assets.client.ops_managed_viewsets import ManagedViewsets
from pwh_assets.client.ops_metrics import Metrics
from pwh_assets.client.ops_model_paths import ModelPaths
from pwh_assets.client.ops_modeling_jobs import ModelingJobs
from pwh_assets.client.ops_organizations import Organizations
from pwh_assets.client.ops_people import People
from pwh_assets.client.ops_person_keys import PersonKeys
from pwh_assets.client.ops_personal_keys import PersonalKeys
from pwh_assets.client.ops_policies import Policies
from pwh_assets.client.ops_project_secret_keys import ProjectSecretKeys
from pwh_assets.client.ops_projects import Projects
from pwh_assets.client.ops_property_definitions import PropertyDefinitions
from pwh_assets.client.ops_query import Query
from pwh_assets.client.ops_saved_queries import SavedQueries
from pwh_assets.client.ops_schemas import Schemas
from pwh_assets.client.ops_settings import Settings
from pwh_assets.client.ops_sources import Sources
from pwh_assets.client.ops_tab_states import TabStates
from pwh_assets.client.ops_table_annotations import TableAnnotations
from pwh_assets.client.ops_tables import Tables
from pwh_assets.client.ops_view_annotations import ViewAnnotations
from pwh_assets.client.ops_virtual_tables import VirtualTables
from pwh_assets.client.ops_warehouse import Warehouse
from pwh_assets.client.ops_warehouse_dag import WarehouseDag
from pwh_assets.client.transport import Transport


class Groups:
    """What a client can ask, by noun."""

    def __init__(self, transport: Transport) -> None:
        self.actions = Actions(transport)
        """Events under a name, for `matchesAction('name')`."""
        self.alerts = Alerts(transport)
        """Who is told when something breaks and when it heals."""
        self.audit_log = AuditLog(transport)
        """Who did and asked what, when, from where; a chain that shows when it was tampered with."""
        self.capture_keys = CaptureKeys(transport)
        """Keys that send events; rotated with a grace."""
        self.checks = Checks(transport)
        """What has to hold of tables and views, and whether it does."""
        self.cohorts = Cohorts(transport)
        """Persons under a name, for `person_id IN COHORT 'name'`."""
        self.column_statistics = ColumnStatistics(transport)
        """Bounds and NULLs of columns, from the lake's catalog."""
        self.drafts = Drafts(transport)
        """Texts you work on; nobody else sees them."""
        self.fixes = Fixes(transport)
        """Mending a text by the fixes its mistakes come with."""
        self.folders = Folders(transport)
        """Where saved queries are shown."""
        self.freshness = Freshness(transport)
        """How old rows get at worst, and promises about it."""
        self.joins = Joins(transport)
        """Joins between tables under a field's name. Also at PostHog's `warehouse_view_link/`."""
        self.lineage = Lineage(transport)
        """What a table or view is made of, and what is made of it."""
        self.managed_viewsets = ManagedViewsets(transport)
        """Sets of views PWH writes."""
        self.metrics = Metrics(transport)
        """Numbers with one definition: declared, and asked by period and dimensions."""
        self.model_paths = ModelPaths(transport)
        """The ways from tables to each view."""
        self.modeling_jobs = ModelingJobs(transport)
        """Builds of materialized views."""
        self.organizations = Organizations(transport)
        """Organisations, their members and invitations."""
        self.people = People(transport)
        """Who asks."""
        self.person_keys = PersonKeys(transport)
        """Which column tells whose row it is, for deletion requests."""
        self.personal_keys = PersonalKeys(transport)
        """Keys of one's own, each shown once."""
        self.policies = Policies(transport)
        """What readers may see: columns, keys of JSON, rows; personal data found; people forgotten."""
        self.project_secret_keys = ProjectSecretKeys(transport)
        """Keys of servers: one project, named scopes. Also at `project_secret_api_keys/`."""
        self.projects = Projects(transport)
        """The tenants of a home."""
        self.property_definitions = PropertyDefinitions(transport)
        """What properties of events, persons and groups hold."""
        self.query = Query(transport)
        """HogQL: ask, poll, cancel, look at a text, complete it."""
        self.saved_queries = SavedQueries(transport)
        """Views: their texts and versions, how they are kept as tables, and what they are made of."""
        self.schemas = Schemas(transport)
        """Synced tables of sources, one by one. Also at PostHog's `external_data_schemas/`."""
        self.settings = Settings(transport)
        """Settings of a project that change what its queries mean, and its limit of rows."""
        self.sources = Sources(transport)
        """Connected sources. PostHog's name for the path is `external_data_sources/`; both answer."""
        self.tab_states = TabStates(transport)
        """What your editor had open."""
        self.table_annotations = TableAnnotations(transport)
        """What people say of tables and their columns; shown wherever those are described."""
        self.tables = Tables(transport)
        """Stored tables as HogQL sees them."""
        self.view_annotations = ViewAnnotations(transport)
        """The same of saved queries."""
        self.virtual_tables = VirtualTables(transport)
        """Joins with a name, declared as metrics are."""
        self.warehouse = Warehouse(transport)
        """What was moved, what runs, what ran, what is wrong. Also at PostHog's `data_warehouse/`."""
        self.warehouse_dag = WarehouseDag(transport)
        """All tables and views, and who reads whom."""
