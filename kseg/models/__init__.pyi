from .unet import build_unet as build_unet
