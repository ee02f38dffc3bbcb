"""The launchers that start one program in several ranks, by the variables that they set."""

from collections.abc import Sequence
from dataclasses import dataclass

MASTER = ("MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True, slots=True)
class Launcher:
    """The variables of one launcher; of several names for one thing, the first set counts."""

    name: str
    needs: tuple[str, ...]
    """All of them are set in each of its ranks."""
    identity: tuple[str, ...]
    """Equal in all ranks of a launch, different in other launches."""
    rank: tuple[str, ...]
    world_size: tuple[str, ...] = ()
    local_rank: tuple[str, ...] = ()
    local_size: tuple[str, ...] = ()
    host_count: tuple[str, ...] = ()
    attempt: tuple[str, ...] = ()
    is_generic: bool = False
    """Others set the same variables: one of theirs that gives the same rank knows more."""
    is_agent_known: bool = False
    """Its agent alone sets the first of ``needs``: the first ancestor without it is the agent."""


LAUNCHERS: Sequence[Launcher] = (
    Launcher(
        "torchrun",  # accelerate launch, fabric run: the same agent
        needs=("TORCHELASTIC_RUN_ID", "RANK", "LOCAL_RANK"),
        identity=("TORCHELASTIC_RUN_ID", *MASTER),
        rank=("RANK",),
        world_size=("WORLD_SIZE",),
        local_rank=("LOCAL_RANK",),
        local_size=("LOCAL_WORLD_SIZE",),
        host_count=("GROUP_WORLD_SIZE",),
        attempt=("TORCHELASTIC_RESTART_COUNT",),
        is_agent_known=True,
    ),
    Launcher(
        "deepspeed",
        needs=("RANK", "LOCAL_RANK", "CROSS_SIZE", "LOCAL_SIZE", *MASTER),
        identity=MASTER,
        rank=("RANK",),
        world_size=("WORLD_SIZE",),
        local_rank=("LOCAL_RANK",),
        local_size=("LOCAL_SIZE",),
        host_count=("CROSS_SIZE",),
    ),
    Launcher(
        "environment",  # by hand, Kubeflow, Ray Train, accelerate's notebook launcher
        needs=("RANK", "WORLD_SIZE", *MASTER),
        identity=MASTER,
        rank=("RANK",),
        world_size=("WORLD_SIZE",),
        local_rank=("LOCAL_RANK",),
        local_size=("LOCAL_WORLD_SIZE", "LOCAL_SIZE"),
        host_count=("GROUP_WORLD_SIZE", "CROSS_SIZE"),
        is_generic=True,
    ),
    Launcher(
        "lightning",  # its own launch of one process a device; RANK is not set
        needs=("NODE_RANK", "LOCAL_RANK", "WORLD_SIZE", *MASTER),
        identity=MASTER,
        rank=(),
        world_size=("WORLD_SIZE",),
        local_rank=("LOCAL_RANK",),
    ),
    Launcher(
        "open mpi",
        needs=("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
        identity=(
            *("PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid"),
            "OMPI_MCA_orte_precondition_transports",
        ),
        rank=("OMPI_COMM_WORLD_RANK",),
        world_size=("OMPI_COMM_WORLD_SIZE",),
        local_rank=("OMPI_COMM_WORLD_LOCAL_RANK",),
        local_size=("OMPI_COMM_WORLD_LOCAL_SIZE",),
        host_count=("OMPI_MCA_orte_num_nodes",),
        is_agent_known=True,
    ),
    Launcher(
        "mpich",  # Hydra: MPICH, Intel MPI, MVAPICH; PALS
        needs=("PMI_RANK", "PMI_SIZE"),
        identity=("PALS_APID", "PMI_JOBID", "I_MPI_HYDRA_UUID"),
        rank=("PMI_RANK",),
        world_size=("PMI_SIZE",),
        local_rank=("MPI_LOCALRANKID", "PMI_LOCAL_RANK"),
        local_size=("MPI_LOCALNRANKS", "PMI_LOCAL_SIZE"),
        is_generic=True,
    ),
    Launcher(
        "pmix",
        needs=("PMIX_RANK", "PMIX_NAMESPACE"),
        identity=("PMIX_NAMESPACE",),
        rank=("PMIX_RANK",),
        is_generic=True,
    ),
    Launcher(
        "srun",
        needs=("SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_PROCID"),
        identity=("SLURM_JOB_ID", "SLURM_STEP_ID"),
        rank=("SLURM_PROCID",),
        world_size=("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"),
        local_rank=("SLURM_LOCALID",),
        host_count=("SLURM_STEP_NUM_NODES", "SLURM_NNODES"),
        attempt=("SLURM_RESTART_COUNT",),
    ),
)
"""The innermost first: ``srun torchrun`` starts ranks of torchrun."""
