"""Activations computed again in the backward pass instead of kept: a third less speed, for memory.

Chen et al. 2016 (arXiv 1604.06174), by torch's own checkpoints around the blocks of a network.
"""

from __future__ import annotations

from functools import partial

from monai.networks.blocks.dynunet_block import UnetBasicBlock, UnetResBlock, UnetUpBlock
from monai.networks.blocks.segresnet_block import ResBlock
from monai.networks.nets.swin_unetr import BasicLayer
from torch import nn
from torch.utils.checkpoint import checkpoint

from core.nets.residual_unet import ResidualBlock

_BLOCKS = (ResidualBlock, UnetBasicBlock, UnetResBlock, UnetUpBlock, ResBlock, BasicLayer)


def recompute(net: nn.Module) -> int:
    """Let the blocks of ``net`` keep only their input; the number of blocks changed.

    Weights, results and gradients stay what they were. Copy the network before, not after: the
    blocks of a copy would run those of the original. Does nothing without gradients.
    """
    return sum(_wrap(child) for child in net.children())


def _wrap(module: nn.Module) -> int:
    if "forward" in vars(module):
        return 0  # DynUNet holds its blocks under two names.
    # The outermost block only, or its inside would be computed a third time.
    if isinstance(module, _BLOCKS) or _is_decoder_stage(module):
        # Non-reentrant: it works with compiled networks and with inputs that have no gradient.
        module.forward = partial(checkpoint, module.forward, use_reentrant=False)
        return 1
    return sum(_wrap(child) for child in module.children())


def _is_decoder_stage(module: nn.Module) -> bool:
    """A convolution with its norm and rectifier, as the residual U-Net's decoder has them."""
    return (
        isinstance(module, nn.Sequential)
        and any(isinstance(child, nn.Conv3d) for child in module.children())
        and any(isinstance(child, nn.GroupNorm) for child in module.children())
    )
