"""The VTK scene of a series, rendered into an image: no window of VTK's own, so that it works on
any platform, with and without a screen."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import vtkmodules.vtkRenderingOpenGL2  # noqa: F401 - registers the OpenGL classes
from PySide6.QtGui import QImage
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkLogger, vtkUnsignedCharArray
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkRenderingCore import (
    vtkActor,
    vtkCellPicker,
    vtkLight,
    vtkPolyDataMapper,
    vtkRenderer,
    vtkRenderWindow,
)

from core.geometry import Geometry
from gui.view.surfaces import Surface

# VTK writes to standard error on its own; what matters is said in the view.
vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_OFF)

_BONE = (0.85, 0.82, 0.74)
_BODY = (0.55, 0.62, 0.70)
_BACKGROUND = (0.0, 0.0, 0.0)
#: A machine that renders the plain scene in so many ms is asked for the best one.
_FAST_MS = 15.0


class Scene:
    """Actors by key; a camera that turns round what is shown."""

    def __init__(self) -> None:
        self.renderer = vtkRenderer()
        self.window = vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.SetMultiSamples(0)
        self.window.AddRenderer(self.renderer)
        self.renderer.SetBackground(*_BACKGROUND)
        self.renderer.SetMaximumNumberOfPeels(4)
        self.renderer.SetOcclusionRatio(0.05)
        self._set_quality(False)
        self._judged: bool | None = False
        self.last_ms = 0.0
        self.actors: dict[str, vtkActor] = {}
        self._matrix = vtkMatrix4x4()
        self._pixels = vtkUnsignedCharArray()
        self._light()

    def usable(self) -> bool:
        """Whether the machine gives an OpenGL context to draw with."""
        return bool(self.window.SupportsOpenGL())

    def _set_quality(self, high: bool) -> None:
        """Depth peeling and smooth edges; without a graphics card they take most of a second."""
        self.high_quality = high
        self.renderer.SetUseDepthPeeling(high)
        self.renderer.SetUseFXAA(high)

    def close(self) -> None:
        """Give the context back."""
        self.renderer.RemoveAllViewProps()
        self.actors.clear()
        self.window.Finalize()

    def _light(self) -> None:
        self.renderer.AutomaticLightCreationOff()
        for place, strength in (((0.4, 0.5, 1.0), 0.85), ((-0.8, 0.1, 0.6), 0.35)):
            light = vtkLight()
            light.SetLightTypeToCameraLight()
            light.SetPosition(*place)
            light.SetFocalPoint(0, 0, 0)
            light.SetIntensity(strength)
            self.renderer.AddLight(light)

    def set_geometry(self, geometry: Geometry) -> None:
        """Where the array lies in the patient: meshes are in mm along its axes."""
        axes = geometry.axes
        for row in range(3):
            for column in range(3):
                self._matrix.SetElement(row, column, float(axes[row, column]))
            self._matrix.SetElement(row, 3, float(geometry.origin[row]))

    def put(self, surface: Surface, colour: tuple[float, float, float]) -> None:
        """Add or replace a part."""
        actor = self.actors.get(surface.key)
        if actor is None:
            actor = vtkActor()
            actor.SetUserMatrix(self._matrix)
            self.actors[surface.key] = actor
            self.renderer.AddActor(actor)
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(surface.mesh)
        mapper.ScalarVisibilityOff()
        actor.SetMapper(mapper)
        look = actor.GetProperty()
        look.SetInterpolationToPhong()
        look.SetAmbient(0.12)
        look.SetSpecularPower(24)
        if surface.key == "body":
            look.SetColor(*_BODY)
            look.SetOpacity(0.9)
            look.SetSpecular(0.0)
            look.BackfaceCullingOn()
            _fade(actor, 0.03)
        elif surface.key == "bones":
            look.SetColor(*_BONE)
            look.SetSpecular(0.12)
        else:
            look.SetColor(*colour)
            look.SetSpecular(0.25)
        # Translucent parts are blended in the order of the actors: the skin comes last.
        if "body" in self.actors:
            self.renderer.RemoveActor(self.actors["body"])
            self.renderer.AddActor(self.actors["body"])

    def drop(self, key: str) -> None:
        """Remove a part."""
        actor = self.actors.pop(key, None)
        if actor is not None:
            self.renderer.RemoveActor(actor)

    def show(self, key: str, shown: bool, opacity: float | None = None) -> None:
        """Show or hide a part."""
        actor = self.actors.get(key)
        if actor is not None:
            actor.SetVisibility(shown)
            if opacity is not None:
                actor.GetProperty().SetOpacity(opacity)
                _fade(actor, 0.25 if opacity < 1 else 1.0)

    # ---- camera ------------------------------------------------------------------------------

    def face(self) -> None:
        """From the front, head up, everything in sight. LPS: the front is at -y."""
        bounds = self.renderer.ComputeVisiblePropBounds()
        if bounds[0] > bounds[1]:
            return
        centre = [(bounds[2 * i] + bounds[2 * i + 1]) / 2 for i in range(3)]
        camera = self.renderer.GetActiveCamera()
        camera.SetFocalPoint(*centre)
        camera.SetPosition(centre[0], centre[1] - 1000, centre[2])
        camera.SetViewUp(0, 0, 1)
        camera.Azimuth(-12)
        camera.Elevation(6)
        self.renderer.ResetCamera(bounds)
        camera.Zoom(1.5)
        self.renderer.ResetCameraClippingRange()

    def turn(self, dx: float, dy: float) -> None:
        """Degrees to the right and up."""
        camera = self.renderer.GetActiveCamera()
        camera.Azimuth(-dx)
        camera.Elevation(dy)
        camera.OrthogonalizeViewUp()
        self.renderer.ResetCameraClippingRange()

    def zoom(self, factor: float) -> None:
        """Nearer for a factor above 1."""
        self.renderer.GetActiveCamera().Dolly(factor)
        self.renderer.ResetCameraClippingRange()

    def pan(self, dx: float, dy: float) -> None:
        """Move by screen pixels; the size is that of the last image."""
        camera = self.renderer.GetActiveCamera()
        height = max(1, self.window.GetSize()[1])
        reach = 2 * camera.GetDistance() * np.tan(np.radians(camera.GetViewAngle() / 2)) / height
        up = np.asarray(camera.GetViewUp())
        ahead = np.asarray(camera.GetDirectionOfProjection())
        right = np.cross(ahead, up)
        move = (-dx * right + dy * up) * reach
        camera.SetPosition(*(np.asarray(camera.GetPosition()) + move))
        camera.SetFocalPoint(*(np.asarray(camera.GetFocalPoint()) + move))
        self.renderer.ResetCameraClippingRange()

    def axes_on_screen(self) -> list[tuple[float, float, float]]:
        """For LPS x, y and z: where they point on the screen (right, up, towards the viewer)."""
        camera = self.renderer.GetActiveCamera()
        matrix = camera.GetViewTransformMatrix()
        return [
            tuple(matrix.GetElement(row, column) for row in range(3))  # type: ignore[misc]
            for column in range(3)
        ]

    # ---- image -------------------------------------------------------------------------------

    def render(self, width: int, height: int) -> QImage:
        """The scene as an image of this many pixels."""
        if tuple(self.window.GetSize()) != (width, height):
            self.window.SetSize(width, height)
        began = time.perf_counter()
        self.window.Render()
        self.last_ms = (time.perf_counter() - began) * 1000
        self.window.GetRGBACharPixelData(0, 0, width - 1, height - 1, 1, self._pixels)
        pixels = vtk_to_numpy(self._pixels).reshape(height, width, 4)[::-1]
        pixels = np.ascontiguousarray(pixels)
        form = QImage.Format.Format_RGBX8888
        image = QImage(pixels.data, width, height, 4 * width, form).copy()
        if self._judged is False and len(self.actors) > 1:
            # The first image also compiles shaders; the second one tells how fast the machine is.
            self._judged = None
        elif self._judged is None:
            self._judged = True
            self._set_quality(self.last_ms < _FAST_MS)
        return image

    def pick(self, x: float, y: float, keys: Sequence[str]) -> tuple[float, float, float] | None:
        """LPS mm of the part of ``keys`` under a pixel (y from the top), None beside them."""
        picker = vtkCellPicker()
        picker.SetTolerance(0.001)
        picker.PickFromListOn()
        for key in keys:
            if key in self.actors and self.actors[key].GetVisibility():
                picker.AddPickList(self.actors[key])
        height = self.window.GetSize()[1]
        if not picker.Pick(x, height - 1 - y, 0, self.renderer):
            return None
        px, py, pz = picker.GetPickPosition()
        return (px, py, pz)


def _fade(actor: vtkActor, facing: float) -> None:
    """Let opacity fall to ``facing`` of itself where the surface faces the viewer.

    So that what lies inside shows, and the outline of the surface does, too.
    """
    shader = actor.GetShaderProperty()
    shader.ClearAllFragmentShaderReplacements()
    if facing < 1:
        shader.AddFragmentShaderReplacement(
            "//VTK::Light::Impl",
            True,
            "//VTK::Light::Impl\n"
            "  float rim = 1.0 - abs(normalVCVSOutput.z);\n"
            f"  fragOutput0.a *= mix({facing:.3f}, 1.0, rim * rim);\n",
            False,
        )
