"""What Dagster's processes load: our definitions, and the team's own beside them.

Commands, notebooks and scripts take ours alone, from `definitions`: what lies in the team's directory is not run there.
"""

from onec_pipelines import definitions
from onec_pipelines.orchestration.definitions.team import with_team
from onec_pipelines.settings import PROJECT_ROOT

defs = with_team(definitions.defs, PROJECT_ROOT)
